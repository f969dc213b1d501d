import PharosProtocol

/// The addresses at which the application reaches raw connections.
///
/// There are none without raw paths.
extension OpenAPIDocument {
    var rawPaths: [(String, JSONTree)] {
        guard hasRawPaths else { return [] }
        return [
            ("/sr", ["post": service]),
            (
                "/@connections/{id}",
                ["get": rawConnection, "post": rawMessage, "delete": rawEnd]
            ),
        ]
    }

    var rawSchemas: [(String, JSONTree)] {
        guard hasRawPaths else { return [] }
        let ids = APISchema.list(.text(""), "As the events told them.")
        let message = APISchema.object(
            [APIField("Text", .text("")), APIField("Binary", .base64(""))], "One of the two.")
        let outgoing = APISchema.object(
            [APIField("ConnectionIds", ids, required: true), APIField("Message", message, required: true)], "")
        let closing = APISchema.object(
            [
                APIField("ConnectionIds", ids, required: true),
                APIField("Code", .integer("Usually 1000.", minimum: 1000, maximum: 4999)),
                APIField("Reason", .text("")),
            ], "")
        let identity = APISchema.object([APIField("sourceIp", .text(""))], "")
        return [
            (
                "RawService",
                APISchema.object(
                    [
                        APIField("OutgoingWebSocketMessages", .list(outgoing, "In this order.")),
                        APIField("Close", .list(closing, "After the messages.")),
                    ], "What is to be done with raw connections."
                ).tree
            ),
            (
                "RawReport",
                APISchema.object(
                    [
                        APIField("Unknown", .list(.text(""), "No ids of this server."), required: true),
                        APIField("Closed", .list(.text(""), "They have gone."), required: true),
                        APIField("Full", .list(.text(""), "Too much waits for them already."), required: true),
                    ], "The connections for which nothing was done."
                ).tree
            ),
            (
                "RawConnection",
                APISchema.object(
                    [
                        APIField("connectedAt", .text("RFC 3339."), required: true),
                        APIField("identity", identity, required: true),
                        APIField("lastActiveAt", .text("RFC 3339."), required: true),
                    ], "One raw connection."
                ).tree
            ),
        ]
    }

    private var service: JSONTree {
        rawOperation(
            "rawService", "Sends messages to raw connections, and closes them",
            parameters: [
                parameter("report", "1: the answer says for whom nothing was done.", ["type": "string", "enum": ["1"]])
            ],
            body: json(reference("RawService")),
            responses: [
                ("200", ["description": "It is done. Empty, or the report that was asked for: the schema RawReport."]),
                ("400", answer("The body is not such JSON.", "Failure")),
            ])
    }

    private var rawConnection: JSONTree {
        rawOperation(
            "rawConnection", "What is known of a raw connection", parameters: [connectionID],
            responses: [("200", answer("It is there.", "RawConnection")), gone])
    }

    private var rawMessage: JSONTree {
        let full: JSONTree = answer("Too much waits for this connection.", "Failure")
        return rawOperation(
            "rawMessage", "Sends the body as one message; as text, if it is UTF-8",
            parameters: [
                connectionID,
                parameter("binary", "1: as a binary message in any case.", ["type": "string", "enum": ["1"]]),
            ],
            body: ["application/octet-stream": ["schema": ["type": "string"]]],
            responses: [("200", ["description": "It is sent."]), gone, ("429", full)])
    }

    private var rawEnd: JSONTree {
        rawOperation(
            "rawEnd", "Closes a raw connection", parameters: [connectionID],
            responses: [("204", ["description": "It is closed."]), gone])
    }

    private var gone: (String, JSONTree) { ("410", answer("There is no such connection any more.", "Failure")) }

    private var connectionID: JSONTree {
        parameter(
            "id", "As the events told it, percent-encoded or in URL-safe base64.", ["type": "string", "minLength": 1],
            in: "path", isRequired: true)
    }

    private func rawOperation(
        _ id: String, _ summary: String, parameters: [JSONTree], body: JSONTree? = nil,
        responses: [(String, JSONTree)]
    ) -> JSONTree {
        var members: [(String, JSONTree)] = [
            ("operationId", .string(id)), ("summary", .string(summary)), ("tags", ["raw"]),
            ("parameters", .array(parameters)),
        ]
        if let body { members.append(("requestBody", ["required": true, "content": body])) }
        var responses = responses
        if !isInsecure {
            members.append(("security", keySecurity))
            responses += [
                ("401", reference("Unauthorized", in: "responses")), ("403", reference("Forbidden", in: "responses")),
            ]
        }
        responses += [
            ("413", reference("TooLarge", in: "responses")), ("503", reference("Unavailable", in: "responses")),
        ]
        return .object(members + [("responses", .object(responses))])
    }
}
