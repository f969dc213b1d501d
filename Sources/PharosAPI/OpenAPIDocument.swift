package import PharosDomain
import PharosProtocol

/// Describes all addresses for programs in OpenAPI 3.1.
package struct OpenAPIDocument: Sendable {
    private let version: String
    let isInsecure: Bool
    private let hasHealth: Bool
    private let hasMetrics: Bool
    let transports: TransportSettings
    let hasRawPaths: Bool

    /// - Parameters:
    ///   - isInsecure: the server API asks for no key.
    ///   - transports: which of the clients' addresses are open; WebSocket, which always is, cannot be described here.
    ///   - hasRawPaths: the application reaches raw connections over HTTP.
    package init(
        version: String, isInsecure: Bool = false, hasHealth: Bool = true, hasMetrics: Bool = true,
        transports: TransportSettings = TransportSettings(), hasRawPaths: Bool = false
    ) {
        self.version = version
        self.isInsecure = isInsecure
        self.hasHealth = hasHealth
        self.hasMetrics = hasMetrics
        self.transports = transports
        self.hasRawPaths = hasRawPaths
    }

    package var tree: JSONTree {
        [
            "openapi": "3.1.0",
            "info": [
                "title": "Pharos server API",
                "version": .string(version),
                "description":
                    "Publish to channels and manage their subscribers. Clients connect to /connection/websocket.",
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "paths": .object(apiPaths + rawPaths + transportPaths + otherPaths),
            "components": [
                "schemas": .object(schemas + rawSchemas + transportSchemas), "responses": responses,
                "parameters": parameters,
                "securitySchemes": securitySchemes,
            ],
        ]
    }

    // MARK: Paths

    private var apiPaths: [(String, JSONTree)] {
        let verbs = ServerAPI.allVerbs.map { verb in
            (
                "/api/\(verb.name)",
                operation(
                    id: verb.name.text, summary: verb.documentation.summary, request: verb.schemaName("Request"),
                    response: verb.schemaName("Response"))
            )
        }
        let old = operation(
            id: "call", summary: "The old form: the body names the method", request: "Call", response: "CallResponse")
        return verbs + [("/api", old)]
    }

    private func operation(id: String, summary: String, request: String, response: String) -> JSONTree {
        var members: [(String, JSONTree)] = [
            ("operationId", .string(id)),
            ("summary", .string(summary)),
            ("tags", ["api"]),
            ("parameters", [["$ref": "#/components/parameters/ErrorMode"]]),
            ("requestBody", ["required": true, "content": json(reference(request))]),
            ("responses", operationResponses(response)),
        ]
        if !isInsecure {
            members.append(("security", keySecurity))
        }
        return ["post": .object(members)]
    }

    /// Any of the ways to bring a key.
    var keySecurity: JSONTree { [["apiKeyHeader": []], ["authorization": []], ["apiKeyQuery": []]] }

    /// The responses of an operation.
    ///
    /// In transport error mode an error of the command sets the status; HTTP's own errors have one in any case.
    private func operationResponses(_ name: String) -> JSONTree {
        var responses: [(String, JSONTree)] = [
            (
                "200",
                [
                    "description": "The result, or the error of the command.",
                    "content": json(reference(name)),
                ]
            ),
            ("400", reference("CommandError", in: "responses")),
        ]
        if !isInsecure {
            responses.append(("401", reference("Unauthorized", in: "responses")))
            responses.append(("403", reference("Forbidden", in: "responses")))
        }
        for (status, name) in [
            ("404", "CommandError"), ("409", "CommandError"), ("413", "TooLarge"), ("416", "CommandError"),
            ("500", "CommandError"), ("503", "Unavailable"),
        ] {
            responses.append((status, reference(name, in: "responses")))
        }
        return .object(responses)
    }

    private var otherPaths: [(String, JSONTree)] {
        var paths: [(String, JSONTree)] = []
        if hasHealth {
            let down: JSONTree = [
                "description": "The server is shutting down, or its store fails.",
                "content": json(reference("Failure")),
            ]
            let failing: JSONTree = ["description": "The store fails.", "content": json(reference("Failure"))]
            paths += [
                (
                    "/health",
                    get(
                        id: "health", "Whether everything works", json(reference("Health")), more: [("503", failing)])
                ),
                ("/health/live", get(id: "live", "Whether the process should be kept", json(reference("Empty")))),
                (
                    "/health/ready",
                    get(
                        id: "ready", "Whether new connections should come here", json(reference("Empty")),
                        more: [("503", down)])
                ),
            ]
        }
        if hasMetrics {
            let text: JSONTree = ["text/plain": ["schema": ["type": "string"]]]
            paths.append(("/metrics", get(id: "metrics", "Metrics for Prometheus", text)))
        }
        paths.append(("/openapi.json", get(id: "description", "This document", json(["type": "object"]))))
        return paths
    }

    private func get(
        id: String, _ summary: String, _ content: JSONTree, more: [(String, JSONTree)] = []
    ) -> JSONTree {
        let success: JSONTree = ["description": .string(summary), "content": content]
        return [
            "get": [
                "operationId": .string(id), "summary": .string(summary), "tags": ["operation"],
                "responses": .object([("200", success)] + more),
            ]
        ]
    }
}

extension OpenAPIDocument {
    func json(_ schema: JSONTree) -> JSONTree {
        ["application/json": ["schema": schema]]
    }

    func reference(_ name: String, in section: String = "schemas") -> JSONTree {
        ["$ref": .string("#/components/\(section)/\(name)")]
    }
}
