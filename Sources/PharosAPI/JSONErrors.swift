import HTTPTypes
package import Hummingbird
import Logging

/// Makes each error a JSON body.
///
/// A known path with another method becomes a 405 that names the right ones.
package struct JSONErrors<Context: RequestContext>: RouterMiddleware {
    /// The methods of each fixed path.
    private let methods: @Sendable (String) -> [HTTPRequest.Method]

    package init(methods: @escaping @Sendable (String) -> [HTTPRequest.Method]) {
        self.methods = methods
    }

    package func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as any HTTPResponseError {
            return bodiless(request, failure(request, status: error.status))
        } catch {
            context.logger.error("request failed", metadata: ["error": "\(type(of: error))"])
            return bodiless(request, .failure(.internalServerError, "internal server error"))
        }
    }

    private func failure(_ request: Request, status: HTTPResponse.Status) -> Response {
        guard status == .notFound else { return .failure(status, status.reasonPhrase.lowercased()) }
        let allowed = methods(request.uri.path)
        guard !allowed.isEmpty, !allowed.contains(request.method) else { return .failure(.notFound, "not found") }
        let names = allowed.map(\.rawValue).joined(separator: ", ")
        return .failure(.methodNotAllowed, "method not allowed", headers: [.allow: names])
    }

    /// An answer to HEAD has no body (RFC 9110, section 9.3.2).
    private func bodiless(_ request: Request, _ response: Response) -> Response {
        request.method == .head ? response.createHeadResponse() : response
    }
}
