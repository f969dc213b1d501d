/// One method of the server API: what `POST /api/<name>` takes and gives.
package struct APIMethod: Sendable {
    package let name: String
    package let summary: String
    package let request: [APIField]
    package let result: [APIField]

    /// All that the backend answers: alone, in a batch and in the old form.
    ///
    /// A path that is neither here nor in `apart` is 404.
    package static let all: [APIMethod] = messaging + clients + connections + channels + others

    /// The request as a schema: what is published is given in one of two ways.
    package var requestSchema: JSONTree {
        guard case .object(let members) = APISchema.object(request, "").tree,
            name == "send" || request.contains(where: { $0.name == "skip_history" })
        else { return APISchema.object(request, "").tree }
        return .object(members + [("anyOf", [["required": ["data"]], ["required": ["b64data"]]])])
    }

    /// Request or result as a named schema, for example `PublishRequest`.
    package func schemaName(_ suffix: String) -> String {
        name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() + suffix
    }

    private static let channel = APIField(
        "channel", .text("Name of the channel.", minLength: 1, maxLength: 255), required: true)
    private static let user = APIField("user", .text("User id."))
    private static let client = APIField("client", .text("Client id: one connection."))
    private static let session = APIField(
        "session", .text("One connection: `session` of its connect reply, or the key that its client chose."))
    private static let everybody = APIField("all", .boolean("All clients; no others are named then."))
    private static let exclude = APIField(
        "exclude", .list(.text("", minLength: 36, maxLength: 36), "Client ids to pass over, at most 1000."))
    private static let ofChannel = APIField("channel", .text("Its subscribers.", maxLength: 255))
    private static let expireAt = APIField("expire_at", .integer("Seconds since 1970; 0 never.", minimum: 0))

    private static let content: [APIField] = [
        APIField("data", .any("Any JSON: what subscribers receive. This or `b64data`.")),
        APIField("b64data", .base64("The data as base64, for channels whose data is binary.")),
        APIField("skip_history", .boolean("Deliver without storing.")),
        APIField("tags", .map(.text(""), "Short texts that travel with the publication.")),
        APIField("idempotency_key", .text("A repeat with the same key returns the stored result.")),
        APIField("delta", .boolean("Offer deltas to subscribers that agreed to them.")),
        APIField("version", .integer("A version that is not greater than the last one is suppressed.", minimum: 0)),
        APIField("version_epoch", .text("Versions of another epoch start anew.")),
        APIField("exclude_client", .text("Client id of a connection that does not get it live: its publisher's.")),
    ]

    private static let messaging = [
        APIMethod(
            name: "publish", summary: "Publish into one channel", request: [channel] + content,
            result: [
                APIField("offset", .integer("Place in the channel's stream; absent without history.", minimum: 0)),
                APIField("epoch", .text("Epoch of the stream; absent without history.")),
            ]),
        APIMethod(
            name: "broadcast", summary: "Publish the same into many channels",
            request: [
                APIField("channels", .list(.text("", minLength: 1, maxLength: 255), "Names."), required: true)
            ] + content,
            result: [
                APIField(
                    "responses", .list(.reference("PublishResponse"), "One per channel, in the order of the request."),
                    required: true)
            ]),
    ]

    private static let clients = [
        APIMethod(
            name: "subscribe", summary: "Subscribe connections of a user to a channel",
            request: [
                channel, user, expireAt,
                APIField("info", .any("Shown as `chan_info`.")),
                APIField("b64info", .base64("The info as base64.")),
                client,
                APIField("data", .any("Sent to the client with the subscription.")),
                APIField("b64data", .base64("The data as base64.")),
                APIField("recover_since", .reference("StreamPosition")),
                APIField("override", .map(.any(""), "Channel options that differ for this subscription.")),
                session,
            ], result: []),
        APIMethod(
            name: "unsubscribe", summary: "End subscriptions of a user, a connection or everybody",
            request: [channel, user, client, session, everybody, exclude], result: []),
        APIMethod(
            name: "disconnect", summary: "End connections: of a user, of a channel's subscribers, of everybody",
            request: [
                user, ofChannel, everybody, exclude,
                APIField(
                    "disconnect",
                    .object(
                        [
                            APIField("code", .integer("WebSocket close code.", minimum: 0, maximum: 4_999)),
                            APIField("reason", .text("")),
                        ], "Code and reason that the client gets; 3503 if absent.")),
                client,
                APIField("whitelist", .list(.text(""), "Client ids to spare.")),
                session,
            ], result: []),
        APIMethod(
            name: "refresh", summary: "Extend or end the lifetime of connections",
            request: [
                user, client,
                APIField("expired", .boolean("Close them as expired.")),
                expireAt,
                APIField("info", .any("New connection info.")),
                session,
            ], result: []),
    ]

    private static let connections = [
        APIMethod(
            name: "send", summary: "Send a message to connections themselves, in no channel",
            request: [
                client, session, user, ofChannel, everybody, exclude,
                APIField("data", .any("Any JSON: what the clients receive. This or `b64data`.")),
                APIField("b64data", .base64("The data as base64, for clients that speak Protobuf.")),
            ],
            result: [
                APIField("delivered", .integer("Connections that it went to.", minimum: 0), required: true),
                APIField(
                    "undeliverable",
                    .integer("Connections that cannot carry it: they speak JSON, and it is none.", minimum: 0)),
            ]),
        APIMethod(
            name: "connections", summary: "Connections, in the order of their ids, page by page",
            request: [
                user, ofChannel,
                APIField("limit", .integer("Per page; 0 or absent: 100.", minimum: 0, maximum: 1_000)),
                APIField("cursor", .text("`next_cursor` of the page before.")),
            ],
            result: [
                APIField("connections", .list(.reference("Connection"), ""), required: true),
                APIField("next_cursor", .text("Absent on the last page.")),
            ]),
    ]

    private static let channels = [
        APIMethod(
            name: "presence", summary: "Who is subscribed to a channel", request: [channel],
            result: [
                APIField("presence", .map(.reference("ClientInfo"), "By client id."), required: true)
            ]),
        APIMethod(
            name: "presence_stats", summary: "How many are subscribed to a channel", request: [channel],
            result: [
                APIField("num_clients", .integer("", minimum: 0), required: true),
                APIField("num_users", .integer("", minimum: 0), required: true),
            ]),
        APIMethod(
            name: "history", summary: "Publications of a channel's stream",
            request: [
                channel,
                APIField("limit", .integer("0: the position alone; -1: all that the server allows.", minimum: -1)),
                APIField("since", .reference("StreamPosition")),
                APIField("reverse", .boolean("Newest first.")),
            ],
            result: [
                APIField("publications", .list(.reference("Publication"), "In order."), required: true),
                APIField("epoch", .text(""), required: true),
                APIField("offset", .integer("Of the newest publication.", minimum: 0), required: true),
            ]),
        APIMethod(
            name: "history_remove", summary: "Forget a channel's publications", request: [channel], result: []),
        APIMethod(
            name: "channels", summary: "Channels with subscribers",
            request: [APIField("pattern", .text("A glob; empty: all."))],
            result: [
                APIField(
                    "channels",
                    .map(.object([APIField("num_clients", .integer("", minimum: 0), required: true)], ""), "By name."),
                    required: true)
            ]),
    ]

    private static let others = [
        APIMethod(
            name: "info", summary: "The nodes and what they do", request: [],
            result: [APIField("nodes", .list(.reference("Node"), ""), required: true)]),
        APIMethod(
            name: "rpc", summary: "Call a method of the embedding program",
            request: [
                APIField("method", .text("Name.", minLength: 1), required: true), APIField("params", .any("")),
            ],
            result: [APIField("data", .any(""))]),
        APIMethod(
            name: "batch", summary: "Several commands in one request",
            request: [
                APIField("commands", .list(.reference("BatchCommand"), "One method per element."), required: true),
                APIField("parallel", .boolean("The order of execution does not matter.")),
            ],
            result: [
                APIField(
                    "replies", .list(.reference("BatchReply"), "One per command, in the order of the request."),
                    required: true)
            ]),
    ]
}
