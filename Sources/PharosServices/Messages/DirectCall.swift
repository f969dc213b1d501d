import PharosDomain
import PharosProtocol

/// A server API call of the program around the server.
///
/// It is a value: nothing is encoded for it.
struct DirectCall: AnsweredOnce, Sendable {
    let request: APIRequest
    let reply: ReplyOnce<Result<APIResult, ReplyError>>

    init(_ request: APIRequest, completion: @escaping @Sendable (Result<APIResult, ReplyError>) -> Void) {
        self.request = request
        reply = ReplyOnce(otherwise: .failure(.stopping), completion: completion)
    }
}
