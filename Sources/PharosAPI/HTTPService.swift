import HTTPTypes
package import Hummingbird
package import Logging
import NIOCore
package import PharosServices

/// Answers the requests that shards hand on.
///
/// It uses a Hummingbird responder, and has no listener and no connection.
package final class HTTPService: RequestResponder {
    private let answer: @Sendable (ResponderRequest) async -> ResponderAnswer

    /// - Parameter responder: answers each request; what it throws becomes a 500.
    package init<Responder: HTTPResponder>(responder: Responder, logger: Logger)
    where Responder.Context == RouteContext {
        answer = { request in
            let context = RouteContext(source: RouteContext.Source(logger: logger))
            var response: Response
            do {
                response = try await responder.respond(to: Request(request), context: context)
                return try await ResponderAnswer(response, isHead: request.method == "HEAD")
            } catch {
                logger.error("request failed", metadata: ["error": "\(type(of: error))"])
                response = .failure(.internalServerError, "internal server error")
                return (try? await ResponderAnswer(response, isHead: request.method == "HEAD"))
                    ?? ResponderAnswer(status: 500, fields: [], body: [])
            }
        }
    }

    package func respond(to request: ResponderRequest, answer: @escaping @Sendable (ResponderAnswer) -> Void) {
        let respond = self.answer
        Task { answer(await respond(request)) }
    }
}

/// The context of a request for routes.
///
/// It has nothing of the connection, which is a shard's.
package struct RouteContext: RequestContext {
    package struct Source: RequestContextSource {
        package let logger: Logger
    }

    package var coreContext: CoreRequestContextStorage

    package init(source: Source) { coreContext = CoreRequestContextStorage(source: source) }
}

extension Request {
    /// Host is the request's authority, as HTTPTypes has it.
    ///
    /// Lines whose name or value it does not take are left out.
    init(_ request: ResponderRequest) {
        var fields = HTTPFields()
        for (name, value) in request.fields {
            guard let name = HTTPField.Name(name), name.canonicalName != "host" else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        let head = HTTPRequest(
            method: HTTPRequest.Method(request.method) ?? .get, scheme: request.isSecure ? "https" : "http",
            authority: request.authority, path: request.target, headerFields: fields)
        self.init(head: head, body: RequestBody(buffer: ByteBuffer(bytes: request.body)))
    }
}

extension ResponderAnswer {
    /// Fields that the edge writes itself.
    private static let edgeFields: Set<String> = ["content-length", "transfer-encoding", "connection", "date"]

    init(_ response: Response, isHead: Bool) async throws {
        var body = ByteBuffer()
        let declared = response.headers[.contentLength].flatMap { Int($0) }
        let length = response.body.contentLength ?? 0
        if !isHead || length > 0 {
            let collected = CollectedBody()
            try await response.body.write(collected)
            body = collected.buffer
        }
        var fields: [(name: String, value: String)] = []
        for field in response.headers where !Self.edgeFields.contains(field.name.canonicalName) {
            fields.append((field.name.rawName, field.value))
        }
        self.init(
            status: response.status.code, fields: fields, body: Array(body.readableBytesView),
            length: isHead ? declared ?? body.readableBytes : nil)
    }
}

/// Keeps what a response's body writes.
private final class CollectedBody: ResponseBodyWriter, @unchecked Sendable {
    var buffer = ByteBuffer()

    func write(_ part: ByteBuffer) async throws { buffer.writeImmutableBuffer(part) }
    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
