extension APIMethod {
    /// Methods with an address of their own that are in no batch.
    ///
    /// They are answered outside of the backend.
    package static let apart = [
        APIMethod(
            name: "snapshot", summary: "Who is connected and where they are, page by page",
            request: [
                APIField("cursor", .text("`next_cursor` of the page before; empty: the first page.")),
                APIField("limit", .integer("Clients of one page; 0: 1000.", minimum: 0, maximum: 10_000)),
            ],
            result: [
                APIField(
                    "sequence", .integer("Of the newest event that the page contains.", minimum: 0), required: true),
                APIField("clients", .list(.reference("ConnectedClient"), "One page of them."), required: true),
                APIField("next_cursor", .text("Empty: this was the last page."), required: true),
            ])
    ]

    /// Whether `path` is one that `POST` may be sent to.
    ///
    /// The methods that are declined have names too, and get an error of the API instead of 404.
    static func serves(path: String) -> Bool {
        guard path.hasPrefix("/api/") else { return path == "/api" }
        let method = path.dropFirst(5)
        return APIMethod.all.contains { $0.name == method } || method.hasPrefix("map_")
            || method == "shared_poll_publish"
    }

    /// An element of a snapshot's page.
    static let connectedClient = [
        APIField("client", .text("Its id.")), APIField("user", .text("")), APIField("transport", .text("")),
        APIField("channels", .list(.text(""), "Those it is subscribed to."), required: true),
        APIField("connected_at", .integer("Seconds since 1970.", minimum: 0)),
    ]
}
