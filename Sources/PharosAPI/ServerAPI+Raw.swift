import HTTPTypes
import Hummingbird
import PharosServices

/// Requests for raw connections that reach HTTP: those whose body comes in chunks, or that wait for a 100.
extension ServerAPI {
    /// The methods of a path at which raw connections are reached; empty for others.
    static func rawMethods(path: String) -> [HTTPRequest.Method] {
        switch rawPath(path) {
        case .service: [.post]
        case .connection: [.get, .post, .delete]
        case nil: []
        }
    }

    func callRaw(_ request: Request) async throws -> Response {
        let body: [UInt8]
        switch try await read(request) {
        case .complete(let bytes): body = bytes
        case .refused(let response): return response
        }
        defer { budget.giveBack(body.count) }
        let answer = await backend.callRaw(
            method: request.method.rawValue, path: request.uri.path, query: request.uri.query ?? "",
            headers: headers(of: request), body: body)
        guard !answer.body.isEmpty else { return Response(status: HTTPResponse.Status(code: answer.status)) }
        var headers: HTTPFields = [:]
        if answer.status == 401 { headers[.wwwAuthenticate] = "apikey" }
        return .json(answer.body, status: HTTPResponse.Status(code: answer.status), headers: headers)
    }

    private static func rawPath(_ path: String) -> RawServicePath? {
        Array(path.utf8).withUnsafeBytes { RawServicePath($0) }
    }
}
