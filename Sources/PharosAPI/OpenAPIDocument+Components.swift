import PharosDomain
import PharosProtocol

/// The named parts that the paths refer to.
extension OpenAPIDocument {
    var schemas: [(String, JSONTree)] {
        var schemas: [(String, JSONTree)] = []
        for verb in ServerAPI.allVerbs {
            schemas.append((verb.schemaName("Request"), verb.requestSchema))
            schemas.append((verb.schemaName("Result"), APISchema.object(verb.documentation.result, "").tree))
            let result = reference(verb.schemaName("Result"))
            // Alone among the verbs a batch answers without "result" around it: clients expect it so.
            let response = verb.name == APIBatch.name ? bareResponse(of: result) : response(of: result)
            schemas.append((verb.schemaName("Response"), response))
        }
        schemas.append(("BatchCommand", oneMember("Request")))
        schemas.append(("BatchReply", oneMember("Result", orError: true)))
        schemas.append(
            (
                "Call",
                [
                    "type": "object",
                    "properties": [
                        "method": ["type": "string", "enum": .array(ServerAPI.verbs.map { .string($0.name.text) })],
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
        for schema in ServerAPI.allVerbs.flatMap({ $0.documentation.schemas }) {
            schemas.append((schema.name, APISchema.object(schema.fields, schema.summary).tree))
        }
        return schemas + values
    }

    private var values: [(String, JSONTree)] {
        let error = [
            APIField("code", .integer("", minimum: 0), required: true), APIField("message", .text(""), required: true),
        ]
        return [
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

    /// An object with exactly one member, whose name is that of a verb.
    private func oneMember(_ suffix: String, orError: Bool = false) -> JSONTree {
        var properties = ServerAPI.verbs.filter { $0.name != APIBatch.name }.map { verb in
            (verb.name.text, reference(verb.schemaName(suffix)))
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
