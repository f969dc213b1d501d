import PharosDomain
import PharosProtocol

/// A server API call of the program around the server.
///
/// It is a value: nothing is encoded for it.
struct DirectCall: Sendable {
    let request: APIRequest
    private let reply: ReplyOnce<Result<APIResult, ReplyError>>

    init(_ request: APIRequest, completion: @escaping @Sendable (Result<APIResult, ReplyError>) -> Void) {
        self.request = request
        reply = ReplyOnce(otherwise: .failure(.stopping), completion: completion)
    }

    func answer(_ result: Result<APIResult, ReplyError>) { reply.answer(result) }
}
