import PharosDomain
import PharosProtocol

/// The parts of the descriptions of the clients' addresses.
extension OpenAPIDocument {
    func operation(
        _ id: String, _ summary: String, parameters: [JSONTree], body: JSONTree? = nil,
        responses: [(String, JSONTree)], takesToken: Bool = false
    ) -> JSONTree {
        var members: [(String, JSONTree)] = [
            ("operationId", .string(id)), ("summary", .string(summary)), ("tags", ["clients"]),
            ("parameters", .array(parameters)),
        ]
        if let body { members.append(("requestBody", ["required": true, "content": body])) }
        // Without a token too, where the configuration allows it.
        if takesToken { members.append(("security", [[:], ["connectionToken": []], ["connectionTokenQuery": []]])) }
        return .object(members + [("responses", .object(responses))])
    }

    // MARK: Parameters

    func parameter(
        _ name: String, _ description: String, _ schema: JSONTree, in location: String = "query",
        isRequired: Bool = false
    ) -> JSONTree {
        [
            "name": .string(name), "in": .string(location), "required": .boolean(isRequired),
            "description": .string(description), "schema": schema,
        ]
    }

    func channels(isRequired: Bool, _ description: String) -> JSONTree {
        parameter(
            "channel", description,
            [
                "type": "array", "items": ["type": "string", "minLength": 1], "minItems": .integer(isRequired ? 1 : 0),
                "maxItems": 128,
            ], isRequired: isRequired)
    }

    func sessionKey(isRequired: Bool) -> JSONTree {
        parameter(
            "session", "The client's key, made at random by the client: its state outlives its connection.",
            ["type": "string", "pattern": "^[A-Za-z0-9_-]{22,64}$"], isRequired: isRequired)
    }

    func waiting(_ usual: String) -> JSONTree {
        parameter(
            "wait", "Seconds to wait for something new; usually \(usual).",
            ["type": "integer", "minimum": 0, "maximum": 60])
    }

    // MARK: Answers

    func text(_ description: String) -> JSONTree { ["type": "string", "description": .string(description)] }

    func answer(_ description: String, _ schema: String) -> JSONTree {
        ["description": .string(description), "content": json(reference(schema))]
    }

    func answer(_ description: String, anyOf schemas: [String]) -> JSONTree {
        ["description": .string(description), "content": json(["anyOf": .array(schemas.map { reference($0) })])]
    }

    func eventAnswer(_ description: String) -> JSONTree {
        ["description": .string(description), "content": ["text/event-stream": ["schema": ["type": "string"]]]]
    }

    /// The statuses with which a request is refused, each with what it means.
    func refusals(_ statuses: [String]) -> [(String, JSONTree)] {
        let meanings = [
            "400": "The request is malformed: the message says how.", "401": "No token, or one that is not valid.",
            "403": "The origin is not allowed, or the client may not do this.",
            "404": "Something that the request names does not exist.",
            "409": "A newer request took the place of this one, or the cursor is not the last answer's.",
            "413": "The body is larger than the limit.", "429": "Too many connections or requests from this address.",
            "503": "Not at this moment: too many connections, a failing store, or the end of the server.",
            "505": "HTTP/1.1 is needed.",
        ]
        return statuses.map { ($0, answer(meanings[$0] ?? "Refused.", "Failure")) }
    }

    // MARK: Schemas

    var transportSchemas: [(String, JSONTree)] {
        var schemas: [(String, JSONTree)] = []
        if transports.httpStream || transports.sse {
            let fields = [
                APIField("session", .text("From the connect reply.", minLength: 1, maxLength: 255), required: true),
                APIField("node", .text("From the connect reply.", maxLength: 255), required: true),
                APIField("data", .text("Commands as lines.", minLength: 1), required: true),
            ]
            schemas.append(("EmulationRequest", APISchema.object(fields, "Commands for a stream.").tree))
        }
        if transports.poll { schemas += pollSchemas }
        return schemas
    }

    private var pollSchemas: [(String, JSONTree)] {
        let offset = APISchema.integer("", minimum: 0)
        let publication = [
            APIField("offset", offset, required: true), APIField("data", .any("JSON.")),
            APIField("b64data", .base64("In place of `data` where that is not JSON.")),
            APIField("info", .reference("ClientInfo")), APIField("tags", .map(.text(""), "")),
            APIField("time", .integer("Milliseconds since 1970.")),
        ]
        let channel = [
            APIField("epoch", .text(""), required: true),
            APIField("offset", .integer("After the last publication of this answer.", minimum: 0), required: true),
            APIField("recovered", .boolean("False: something after the position asked for is gone."), required: true),
            APIField("first", .integer("The oldest offset that is left, where something is gone.", minimum: 0)),
            APIField("publications", .list(.object(publication, ""), ""), required: true),
        ]
        let poll = [
            APIField("cursor", .text("The positions of all channels."), required: true),
            APIField("channels", .map(.object(channel, ""), ""), required: true),
        ]
        let session = [
            APIField("cursor", .text("For the next request."), required: true),
            APIField("messages", .list(.map(.any(""), ""), "Of the client protocol."), required: true),
        ]
        let room = [
            APIField("id", .text(""), required: true), APIField("code", .integer(""), required: true),
            APIField("detail", .text(""), required: true), APIField("status", .text("")),
        ]
        return [
            ("PollAnswer", APISchema.object(poll, "").tree),
            ("SessionPollAnswer", APISchema.object(session, "").tree),
            ("RoomFailure", APISchema.object(room, "An error of the room protocol.").tree),
        ]
    }
}
