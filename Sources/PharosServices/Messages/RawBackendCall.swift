import PharosDomain

/// A service request that came in outside the shards, and its answer.
struct RawBackendCall: OutsideRequest, AnsweredOnce {
    let method: String
    /// Still percent-encoded, without query.
    let path: String
    let query: String
    let headers: [FieldName: String]
    let body: [UInt8]
    let reply: ReplyOnce<APIResponse>

    init(
        method: String, path: String, query: String, headers: [FieldName: String], body: [UInt8],
        completion: @escaping @Sendable (APIResponse) -> Void
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        reply = ReplyOnce(otherwise: .stopping, completion: completion)
    }
}
