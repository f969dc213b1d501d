import PharosDomain
import Synchronization

/// A service request that came in outside the shards, and who waits for it. One that is dropped is answered too.
final class RawBackendCall: Sendable {
    let method: String
    /// Still percent-encoded, without query.
    let path: String
    let query: String
    /// Names in lower case.
    let headers: [FieldName: String]
    let body: [UInt8]
    private let completion: @Sendable (APIResponse) -> Void
    private let isAnswered = Atomic<Bool>(false)

    init(
        method: String, path: String, query: String, headers: [FieldName: String], body: [UInt8],
        completion: @escaping @Sendable (APIResponse) -> Void
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.completion = completion
    }

    deinit { answer(.error(503, "the server is shutting down")) }

    /// Calls `body` with the API key that the request brought, by any of the three ways.
    func withKey<Result>(_ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
        let header = Array((headers["x-api-key"] ?? "").utf8)
        let authorization = Array((headers["authorization"] ?? "").utf8)
        let query = Array(self.query.utf8)
        return header.withUnsafeBytes { header in
            authorization.withUnsafeBytes { authorization in
                query.withUnsafeBytes {
                    body(
                        APIAccess.key(
                            apiKeyHeader: headers["x-api-key"] == nil ? nil : header,
                            authorization: authorization, query: $0))
                }
            }
        }
    }

    /// The first answer counts.
    func answer(_ response: APIResponse) {
        if !isAnswered.exchange(true, ordering: .relaxed) { completion(response) }
    }
}
