import PharosDomain
import Synchronization

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
    static func error(_ status: Int, _ message: String) -> APIResponse {
        APIResponse(
            status: status, body: Array("{\"error\":{\"code\":\(status),\"message\":\"\(message)\"}}".utf8))
    }
}

/// A server API call from outside, and who waits for it. One that is dropped, because the shard has ended, is answered too.
final class BackendCall: Sendable {
    let path: APIPath
    let headers: [FieldName: String]
    let query: String
    let body: [UInt8]
    private let completion: @Sendable (APIResponse) -> Void
    private let isAnswered = Atomic<Bool>(false)

    init(
        path: APIPath, query: String, headers: [FieldName: String], body: [UInt8],
        completion: @escaping @Sendable (APIResponse) -> Void
    ) {
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.completion = completion
    }

    deinit { answer(.error(503, "the server is shutting down")) }

    /// The first answer counts.
    func answer(_ response: APIResponse) {
        if !isAnswered.exchange(true, ordering: .relaxed) { completion(response) }
    }
}

/// A question for one shard's counters; nil when it has ended.
final class CounterCall: Sendable {
    private let completion: @Sendable (NodeCounters?) -> Void
    private let isAnswered = Atomic<Bool>(false)

    init(completion: @escaping @Sendable (NodeCounters?) -> Void) { self.completion = completion }

    deinit { answer(nil) }

    func answer(_ counters: NodeCounters?) {
        if !isAnswered.exchange(true, ordering: .relaxed) { completion(counters) }
    }
}
