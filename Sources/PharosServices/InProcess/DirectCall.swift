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

/// A question for one shard: how many subscriptions has a channel there?
///
/// The answer is nil when the shard has ended.
struct CountCall: Sendable {
    let channel: ChannelName
    private let reply: ReplyOnce<Int?>

    init(_ channel: ChannelName, completion: @escaping @Sendable (Int?) -> Void) {
        self.channel = channel
        reply = ReplyOnce(otherwise: nil, completion: completion)
    }

    func answer(_ count: Int?) { reply.answer(count) }
}
