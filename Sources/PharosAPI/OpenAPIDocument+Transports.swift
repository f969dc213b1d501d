import PharosDomain

/// The addresses at which clients connect over plain HTTP, each only if it is open.
extension OpenAPIDocument {
    var transportPaths: [(String, JSONTree)] {
        var paths: [(String, JSONTree)] = []
        if transports.httpStream { paths.append(("/connection/http_stream", ["post": httpStream])) }
        if transports.sse {
            paths.append(("/connection/sse", ["get": eventStream(isPost: false), "post": eventStream(isPost: true)]))
        }
        if transports.httpStream || transports.sse { paths.append(("/emulation", ["post": emulation])) }
        if transports.events { paths.append(("/events", ["get": events])) }
        if transports.poll {
            paths.append(("/poll", ["get": poll]))
            paths.append(("/connection/poll", ["get": sessionPoll(isPost: false), "post": sessionPoll(isPost: true)]))
        }
        return paths
    }

    // MARK: The client protocol over streams

    private var httpStream: JSONTree {
        operation(
            "httpStream", "A client's connection: messages come as parts of an answer that does not end",
            parameters: [sessionKey(isRequired: false)],
            body: [
                "application/json": ["schema": text("Commands of the client protocol as lines; the first is connect.")],
                "application/octet-stream": ["schema": text("The same as length-delimited Protobuf.")],
            ],
            responses: [
                (
                    "200",
                    [
                        "description": "Messages, in the encoding of the request.",
                        "content": [
                            "application/json": ["schema": text("Messages as lines.")],
                            "application/octet-stream": ["schema": text("Length-delimited Protobuf.")],
                        ],
                    ]
                )
            ] + refusals(["403", "413", "429", "503", "505"]))
    }

    private func eventStream(isPost: Bool) -> JSONTree {
        var parameters = [sessionKey(isRequired: false)]
        if !isPost {
            parameters.append(
                parameter(
                    "cf_connect", "Commands as lines; the first is connect.", ["type": "string"], isRequired: true))
        }
        return operation(
            isPost ? "ssePost" : "sse", "A client's connection: each message is a server-sent event",
            parameters: parameters,
            body: isPost
                ? [
                    "application/json": [
                        "schema": text("Commands of the client protocol as lines; the first is connect.")
                    ]
                ]
                : nil,
            responses: [("200", eventAnswer("Messages, one per event."))]
                + refusals(["400", "403", "413", "429", "503", "505"]))
    }

    private var emulation: JSONTree {
        operation(
            "emulation", "Commands for a client's stream; their replies come on the stream", parameters: [],
            body: [
                "application/json": ["schema": reference("EmulationRequest")],
                "application/octet-stream": ["schema": text("The same as Protobuf: 1 node, 2 session, 3 data.")],
            ],
            responses: [("204", ["description": "The commands are accepted."])]
                + refusals(["400", "403", "404", "413", "429", "505"]))
    }

    // MARK: Without a protocol above HTTP

    private var events: JSONTree {
        operation(
            "events", "Publications as server-sent events, for any EventSource",
            parameters: [
                channels(isRequired: false, "Channels to subscribe to; none only with a token or a session."),
                parameter("last_event_id", "Resume after this event; the header wins.", ["type": "string"]),
                parameter("Last-Event-ID", "Resume after this event.", ["type": "string"], in: "header"),
                sessionKey(isRequired: false),
                parameter("format", "Events without a name, as arrays.", ["type": "string", "enum": ["array"]]),
            ],
            responses: [("200", eventAnswer("One event per publication; the first says what is subscribed."))]
                + refusals(["400", "401", "403", "429", "503", "505"]),
            takesToken: true)
    }

    private var poll: JSONTree {
        operation(
            "poll", "What is newer in channels with history, at once or as soon as there is something",
            parameters: [
                channels(isRequired: true, "Channels with history."),
                parameter(
                    "since", "`epoch:offset` or `offset`, one per channel in the same order.",
                    ["type": "array", "items": ["type": "string"], "maxItems": 128]),
                parameter("cursor", "In place of `since`: the last answer's.", ["type": "string"]),
                parameter(
                    "from", "Where a channel without a position begins.",
                    ["type": "string", "enum": ["newest", "oldest"], "default": "newest"]),
                waiting("25"),
                parameter(
                    "limit", "Publications per channel.",
                    ["type": "integer", "minimum": 1, "maximum": 1000, "default": 100]),
                parameter(
                    "exclusive", "A newer poll of the same user on the same channels ends this one.",
                    ["type": "string", "enum": ["0", "1", "false", "true"]]),
                parameter(
                    "last_seq", "By the room protocol: the number of the last message; 0 begins at the oldest.",
                    ["type": "integer", "minimum": 0]),
                parameter(
                    "offset_newest", "By the room protocol: number 0 begins at the newest.",
                    ["type": "string", "enum": ["0", "1", "false", "true"]]),
                parameter(
                    "Request-Timeout", "By the room protocol: seconds; the poll waits one second less, 120 at most.",
                    ["type": "integer", "minimum": 1, "maximum": 86400], in: "header"),
            ],
            responses: [
                ("200", answer("What is new, maybe nothing.", "PollAnswer")),
                ("551", answer("By the room protocol: no new message.", "RoomFailure")),
                ("552", answer("By the room protocol: a newer poll took the place of this one.", "RoomFailure")),
                ("400", answer("A parameter is wrong: the message names it.", anyOf: ["Failure", "RoomFailure"])),
            ] + refusals(["401", "403", "404", "409", "413", "429", "503", "505"]),
            takesToken: true)
    }

    private func sessionPoll(isPost: Bool) -> JSONTree {
        operation(
            isPost ? "sessionPollPost" : "sessionPoll",
            isPost ? "Brings commands of a client, and fetches its messages" : "Fetches a client's messages",
            parameters: [
                sessionKey(isRequired: true),
                parameter(
                    "cursor", "The last answer's; absent in the first request.", ["type": "integer", "minimum": 0]),
                waiting(isPost ? "0" : "25"),
            ],
            body: isPost
                ? [
                    "application/json": [
                        "schema": text("Commands of the client protocol as lines; a session begins with connect.")
                    ]
                ]
                : nil,
            responses: [("200", answer("Messages, maybe none.", "SessionPollAnswer"))]
                + refusals(["400", "403", "404", "409", "413", "429", "503", "505"]))
    }
}
