import HTTPTypes
import Hummingbird
import PharosBytes
package import PharosDomain
import PharosProtocol
import PharosServices

/// A page of who is where: from a cursor, at most so many clients. Throws `ReplyError`.
package typealias SnapshotSource = @Sendable (_ cursor: String, _ limit: Int) async throws -> PresenceSnapshot

/// `POST /api/snapshot`: answered from the event log and not by the shards, which hand its connections over; so the key is
/// checked here.
struct SnapshotCall: Sendable {
    private static let tooMuch = 65_536

    let access: APIAccess
    /// nil: nothing is told, so nobody is remembered.
    let source: SnapshotSource?
    /// Whether errors set the HTTP status of requests that do not say so.
    let transportErrors: Bool

    func call(_ request: Request) async throws -> Response {
        switch verdict(on: request) {
        case .granted: break
        case .unauthorized: return .failure(.unauthorized, "unauthorized", headers: [.wwwAuthenticate: "apikey"])
        case .forbidden: return .failure(.forbidden, "this key may not call this method")
        }
        var body: [UInt8] = []
        for try await chunk in request.body {
            guard body.count + chunk.readableBytes <= SnapshotCall.tooMuch else {
                return .failure(
                    .contentTooLarge, "the body is larger than the limit", headers: [.connection: "close"])
            }
            body.append(contentsOf: chunk.readableBytesView)
        }
        let result = await page(body)
        var writer = ByteWriter()
        if case .failure(let error) = result, setsStatus(request) {
            APIResultEncoder.encodeBareError(error, into: &writer)
            return .json(writer.array, status: HTTPResponse.Status(code: error.httpStatus))
        }
        PresenceSnapshotEncoder.encode(result, into: &writer)
        return .json(writer.array)
    }

    private func page(_ body: [UInt8]) async -> Result<PresenceSnapshot, ReplyError> {
        guard let source else { return .failure(.notAvailable) }
        do {
            let request = try body.withUnsafeBytes { try PresenceSnapshotRequest(body: $0) }
            return .success(try await source(request.cursor, request.limit))
        } catch {
            return .failure(error as? ReplyError ?? .internalError)
        }
    }

    private func verdict(on request: Request) -> APIAccess.Verdict {
        let header = HTTPField.Name("X-API-Key").flatMap { request.headers[$0] }.map { Array($0.utf8) }
        let authorization = request.headers[.authorization].map { Array($0.utf8) }
        let query = Array((request.uri.query ?? "").utf8)
        return SnapshotCall.withBytes(header) { header in
            SnapshotCall.withBytes(authorization) { authorization in
                query.withUnsafeBytes { query in
                    let key = APIAccess.key(apiKeyHeader: header, authorization: authorization, query: query)
                    return access.verdict(key: key, method: "snapshot")
                }
            }
        }
    }

    private static func withBytes<Value>(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> Value) -> Value {
        guard let bytes else { return body(nil) }
        return bytes.withUnsafeBytes { body($0) }
    }

    private func setsStatus(_ request: Request) -> Bool {
        guard let mode = HTTPField.Name("X-Centrifugo-Error-Mode").flatMap({ request.headers[$0] }) else {
            return transportErrors
        }
        return mode == "transport"
    }
}
