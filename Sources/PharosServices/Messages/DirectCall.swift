import PharosDomain
import PharosProtocol
import Synchronization

/// A server API call of the program around the server, as a value: nothing is encoded for it.
///
/// One that is dropped, because the shard has ended, is answered too.
final class DirectCall: Sendable {
    let request: APIRequest
    private let completion: @Sendable (Result<APIResult, ReplyError>) -> Void
    private let isAnswered = Atomic<Bool>(false)

    init(_ request: APIRequest, completion: @escaping @Sendable (Result<APIResult, ReplyError>) -> Void) {
        self.request = request
        self.completion = completion
    }

    deinit { answer(.failure(.stopping)) }

    /// The first answer counts.
    func answer(_ result: Result<APIResult, ReplyError>) {
        if !isAnswered.exchange(true, ordering: .relaxed) { completion(result) }
    }
}
