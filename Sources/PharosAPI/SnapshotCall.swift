import HTTPTypes
import Hummingbird
import PharosBytes
package import PharosDomain
import PharosProtocol
import PharosServices

/// A page of who is where: from a cursor, at most so many clients.
///
/// Throws `ReplyError`.
package typealias SnapshotSource = @Sendable (_ cursor: String, _ limit: Int) async throws -> PresenceSnapshot

/// Answers `POST /api/snapshot` from the event log.
///
/// The shards, which do not answer it, have checked the key and read the body.
struct SnapshotCall: Sendable {
    /// nil: no events are sent, so no clients are remembered.
    let source: SnapshotSource?
    /// Whether errors set the HTTP status of requests that do not say so.
    let transportErrors: Bool

    func call(_ request: Request) async throws -> Response {
        var body: [UInt8] = []
        for try await part in request.body { body.append(contentsOf: part.readableBytesView) }
        let result = await page(body)
        var writer = ByteWriter()
        // A caller whose body is no JSON at all may not look into answers either.
        let isJSON = body.isEmpty || JSONScanner.isValid(body)
        if case .failure(let error) = result, setsStatus(request) {
            APIResultEncoder.encodeBareError(error, into: &writer)
            return .json(writer.array, status: HTTPResponse.Status(code: isJSON ? error.httpStatus : 400))
        }
        APIResultEncoder.encode(result.map { APIResult.value($0) }, into: &writer)
        return .json(writer.array, status: isJSON ? .ok : .badRequest)
    }

    private func page(_ body: [UInt8]) async -> Result<PresenceSnapshot, ReplyError> {
        guard let source else { return .failure(.notAvailable) }
        do {
            let request = try body.withUnsafeBytes { try APISnapshot(body: $0) }
            return .success(try await source(request.cursor, request.limit))
        } catch {
            return .failure(error as? ReplyError ?? .internalError)
        }
    }

    private func setsStatus(_ request: Request) -> Bool {
        guard let mode = HTTPField.Name("X-Centrifugo-Error-Mode").flatMap({ request.headers[$0] }) else {
            return transportErrors
        }
        return mode == "transport"
    }
}
