import PharosDomain

package struct APIResponse: Sendable {
    /// HTTP status.
    package var status: Int
    /// JSON.
    package var body: [UInt8]

    package init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

extension APIResponse {
    static let stopping = error(503, "the server is shutting down")

    static func error(_ status: Int, _ message: String) -> APIResponse {
        APIResponse(
            status: status, body: Array("{\"error\":{\"code\":\(status),\"message\":\"\(message)\"}}".utf8))
    }
}

/// A server API call from outside, and its answer.
struct BackendCall: OutsideRequest, AnsweredOnce {
    let path: APIPath
    let headers: [FieldName: String]
    let query: String
    let body: [UInt8]
    let reply: ReplyOnce<APIResponse>

    init(
        path: APIPath, query: String, headers: [FieldName: String], body: [UInt8],
        completion: @escaping @Sendable (APIResponse) -> Void
    ) {
        self.path = path
        self.headers = headers
        self.query = query
        self.body = body
        reply = ReplyOnce(otherwise: .stopping, completion: completion)
    }
}

/// A question for one shard's counters; nil when it has ended.
struct CounterCall: AnsweredOnce, Sendable {
    let reply: ReplyOnce<NodeCounters?>

    init(completion: @escaping @Sendable (NodeCounters?) -> Void) {
        reply = ReplyOnce(otherwise: nil, completion: completion)
    }
}
