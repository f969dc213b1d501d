package import PharosBytes
package import PharosDomain

/// `connections`: a page of the connections of this node.
package struct APIConnections: Equatable, Sendable {
    /// "": of any user.
    package var user: UserID = ""
    /// "": whatever they are subscribed to.
    package var channel: ChannelName = ""
    /// Connections per page, 1 to `pageLimit`.
    package var limit = 100
    /// The last client of the page before; nil: the first page.
    package var cursor: ClientID?

    package init() {}

    package static let pageLimit = 1_000
}

/// One connection in the result of `connections`.
package struct APIConnection: Equatable, Sendable {
    package var client: ClientID
    package var user: UserID = ""
    /// `websocket`, `http_stream`, `sse`, `events` or `poll`.
    package var transport = ""
    /// Seconds since 1970.
    package var connectedAt: Int64 = 0
    /// The name of its SDK, if it is registered.
    package var name: SDKName = ""
    /// How many it is subscribed to.
    package var channels = 0

    package init(client: ClientID) {
        self.client = client
    }
}

extension APIConnections: PlannedVerb {
    package struct Output: VerbResult {
        /// In the order of client ids.
        package var connections: [APIConnection]
        /// Empty on the last page.
        package var nextCursor: String
    }

    package static var name: MethodName { "connections" }

    package static var documentation: VerbDocumentation {
        let connection = [
            APIField("client", .text(""), required: true), APIField("user", .text("Absent: anonymous.")),
            APIField("transport", .text("`websocket`, `http_stream`, `sse`, `events` or `poll`."), required: true),
            APIField("connected_at", .integer("Seconds since 1970.", minimum: 0)),
            APIField("name", .text("Of its SDK, if that is registered.")),
            APIField("num_channels", .integer("Channels it is subscribed to.", minimum: 0), required: true),
        ]
        return VerbDocumentation(
            "Connections, in the order of their ids, page by page",
            request: [
                .user, .subscribersOf,
                APIField("limit", .integer("Per page; 0 or absent: 100.", minimum: 0, maximum: 1_000)),
                APIField("cursor", .text("`next_cursor` of the page before.")),
            ],
            result: [APIField("connections", .list(.reference("Connection"), ""), required: true), .nextCursor],
            schemas: [NamedSchema("Connection", "One client that is connected.", connection)])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIConnections {
        try scanner.apiFields(APIConnections.self)
    }

    package var route: VerbRoute { .allShards }

    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan {
        if !channel.isEmpty { _ = try rules.resolve(channel) }
        return .one(.listConnections(self))
    }
}

extension APIConnections: JSONMessage {
    static var withoutFields: APIConnections { APIConnections() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "user": user = try scanner.stringField()
        case "channel": channel = try scanner.stringField()
        case "cursor": cursor = try scanner.clientField()
        case "limit":
            let wanted: Int32 = try scanner.integerField()
            guard wanted >= 0, wanted <= APIConnections.pageLimit else {
                throw MalformedFrame(reason: "must be from 1 to \(APIConnections.pageLimit)")
            }
            limit = wanted == 0 ? 100 : Int(wanted)
        default: try scanner.skipValue()
        }
    }
}

extension APIConnections.Output {
    package func encode(into writer: inout ByteWriter) {
        writer.jsonField("connections", list: connections) { connection, writer in
            writer.jsonField("client", string: connection.client.text)
            writer.jsonField("user", string: connection.user)
            writer.jsonField("transport", string: connection.transport)
            writer.jsonField("connected_at", signed: connection.connectedAt)
            writer.jsonField("name", string: connection.name)
            writer.jsonCount("num_channels", UInt64(clamping: connection.channels))
        }
        writer.jsonField("next_cursor", string: nextCursor)
    }
}

extension APIResult {
    package static func connections(_ connections: [APIConnection], nextCursor: String) -> APIResult {
        .value(APIConnections.Output(connections: connections, nextCursor: nextCursor))
    }
}
