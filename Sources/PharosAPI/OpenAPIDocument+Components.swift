/// The named parts that the paths refer to.
extension OpenAPIDocument {
    var schemas: [(String, JSONTree)] {
        var schemas: [(String, JSONTree)] = []
        for method in APIMethod.all + APIMethod.apart {
            schemas.append((method.schemaName("Request"), method.requestSchema))
            schemas.append((method.schemaName("Result"), APISchema.object(method.result, "").tree))
            let result = reference(method.schemaName("Result"))
            // Alone among the methods a batch answers without "result" around it: clients expect it so.
            let response = method.name == "batch" ? bareResponse(of: result) : response(of: result)
            schemas.append((method.schemaName("Response"), response))
        }
        let names = APIMethod.all.map(\.name)
        schemas.append(("BatchCommand", oneMember(names.filter { $0 != "batch" }, suffix: "Request")))
        schemas.append(("BatchReply", oneMember(names.filter { $0 != "batch" }, suffix: "Result", orError: true)))
        schemas.append(
            (
                "Call",
                [
                    "type": "object",
                    "properties": [
                        "method": ["type": "string", "enum": .array(names.map { .string($0) })],
                        "params": ["type": "object", "description": "The method's request."],
                    ],
                    "required": ["method"],
                ]
            ))
        schemas.append(
            (
                "CallResponse",
                [
                    "anyOf": [
                        ["type": "object", "properties": ["result": ["type": "object"]], "required": ["result"]],
                        reference("BatchResult"), reference("Failure"),
                    ]
                ]
            ))
        return schemas + values
    }

    private var values: [(String, JSONTree)] {
        let offset = APIField("offset", .integer("", minimum: 0))
        let position = [offset, APIField("epoch", .text(""))]
        let info = [
            APIField("user", .text("")), APIField("client", .text("")),
            APIField("conn_info", .any("Of the connection.")), APIField("chan_info", .any("Of the subscription.")),
        ]
        let publication = [
            APIField("data", .any("")), APIField("info", .reference("ClientInfo")), offset,
            APIField("tags", .map(.text(""), "")),
        ]
        let number = APISchema.integer("", minimum: 0)
        let node = [
            APIField("uid", .text("")), APIField("name", .text("")), APIField("version", .text("")),
            APIField("num_clients", number), APIField("num_users", number), APIField("num_subs", number),
            APIField("num_channels", number), APIField("uptime", .integer("Seconds.", minimum: 0)),
            APIField("metrics", .map(.any(""), "")), APIField("process", .map(.any(""), "CPU and memory.")),
        ]
        let connection = [
            APIField("client", .text(""), required: true), APIField("user", .text("Absent: anonymous.")),
            APIField("transport", .text("`websocket`, `http_stream`, `sse`, `events` or `poll`."), required: true),
            APIField("connected_at", .integer("Seconds since 1970.", minimum: 0)),
            APIField("name", .text("Of its SDK, if that is registered.")),
            APIField("num_channels", .integer("Channels it is subscribed to.", minimum: 0), required: true),
        ]
        let error = [
            APIField("code", .integer("", minimum: 0), required: true), APIField("message", .text(""), required: true),
        ]
        return [
            ("StreamPosition", APISchema.object(position, "A place in a channel's stream.").tree),
            ("ClientInfo", APISchema.object(info, "Who is present, or who published.").tree),
            ("Publication", APISchema.object(publication, "One message of a channel.").tree),
            ("Connection", APISchema.object(connection, "One client that is connected.").tree),
            ("Node", APISchema.object(node, "One process of the server.").tree),
            (
                "ConnectedClient",
                APISchema.object(APIMethod.connectedClient, "One connection, and where it is.").tree
            ),
            ("Error", APISchema.object(error, "").tree),
            ("Failure", APISchema.object([APIField("error", .reference("Error"), required: true)], "").tree),
            ("Empty", ["type": "object", "maxProperties": 0]),
            (
                "Health",
                [
                    "type": "object",
                    "properties": [
                        "lost": [
                            "type": "string",
                            "description":
                                "Why publications that had been answered for before the start are missing; absent: none are.",
                        ]
                    ],
                ]
            ),
        ]
    }

    /// `{"result":…}` or `{"error":…}`.
    private func response(of result: JSONTree) -> JSONTree {
        [
            "oneOf": [
                ["type": "object", "properties": ["result": result], "required": ["result"]],
                reference("Failure"),
            ]
        ]
    }

    private func bareResponse(of result: JSONTree) -> JSONTree {
        ["oneOf": [result, reference("Failure")]]
    }

    /// An object with exactly one member, whose name is a method's.
    private func oneMember(_ names: [String], suffix: String, orError: Bool = false) -> JSONTree {
        var properties = APIMethod.all.filter { names.contains($0.name) }.map { method in
            (method.name, reference(method.schemaName(suffix)))
        }
        if orError { properties.append(("error", reference("Error"))) }
        return [
            "type": "object", "properties": .object(properties), "additionalProperties": false,
            "minProperties": 1, "maxProperties": 1,
        ]
    }

    var responses: JSONTree {
        [
            "CommandError": [
                "description": "In transport error mode: the command's error. Otherwise: HTTP's own error.",
                "content": json(["anyOf": [reference("Error"), reference("Failure")]]),
            ],
            "Unauthorized": failure("No key, or one that is not known."),
            "Forbidden": failure("The key may not call this method."),
            "TooLarge": failure("The body is larger than the limit."),
            "Unavailable": failure("Too much is asked of the server at this moment."),
        ]
    }

    private func failure(_ text: String) -> JSONTree {
        ["description": .string(text), "content": json(["anyOf": [reference("Failure"), reference("Error")]])]
    }

    var parameters: JSONTree {
        [
            "ErrorMode": [
                "name": "X-Centrifugo-Error-Mode", "in": "header", "required": false,
                "description":
                    "`transport`: an error of the command sets the HTTP status too, and the body is the error.",
                "schema": ["type": "string", "enum": ["transport"]],
            ]
        ]
    }

    var securitySchemes: JSONTree {
        [
            "apiKeyHeader": ["type": "apiKey", "in": "header", "name": "X-API-Key"],
            "authorization": [
                "type": "apiKey", "in": "header", "name": "Authorization",
                "description": "The word `apikey`, a space, and the key.",
            ],
            "apiKeyQuery": ["type": "apiKey", "in": "query", "name": "api_key"],
            "connectionToken": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"],
            "connectionTokenQuery": ["type": "apiKey", "in": "query", "name": "token"],
        ]
    }
}
