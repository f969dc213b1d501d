import PharosDomain
import PharosProtocol

/// Several calls answered as one: begun in order, by a loop, and only so many in one turn.
struct CallBatch {
    enum Item {
        case call(APIRequest)
        case publish(APIPublish)
    }

    private enum Content {
        /// One publication for each channel.
        case broadcast(APIPublish, channels: [ChannelName])
        /// The method of each command, for its place in the reply. What could not be read has failed already.
        case batch([APIMethod], [Result<APIRequest, ReplyError>])
    }

    enum Next {
        case item(Int, Item)
        /// The batch has had its share of this turn.
        case turnOver
        /// Another one may begin once those that have begun are answered.
        case later
        /// All are answered.
        case over
    }

    let origin: CallOrigin
    private let content: Content
    /// One after the other: a call sees what the one before it did.
    private let isSequential: Bool
    private var results: [Result<APIResult, ReplyError>?]
    private var next = 0
    private var begun = 0
    /// The next call is going to be begun: an answer that comes meanwhile is only noted.
    var isListed = false

    init(broadcast: APIBroadcast, origin: CallOrigin) {
        self.origin = origin
        content = .broadcast(broadcast.template, channels: broadcast.channels)
        isSequential = false
        results = Array(repeating: nil, count: broadcast.channels.count)
    }

    init(commands: [Result<APIRequest, ReplyError>], isSequential: Bool, origin: CallOrigin) {
        self.origin = origin
        let methods = commands.map { (try? $0.get().method) ?? .publish }
        content = .batch(methods, commands)
        self.isSequential = isSequential
        results = Array(repeating: nil, count: commands.count)
    }

    /// What is to be begun now.
    mutating func takeNext(isTurnOver: Bool) -> Next {
        if isTurnOver {
            isListed = true
            return .turnOver
        }
        while next < results.count {
            if isSequential, begun > 0 { return .later }
            let index = next
            next += 1
            switch content {
            case .broadcast(var publish, let channels):
                publish.channel = channels[index]
                begun += 1
                return .item(index, .publish(publish))
            case .batch(_, let commands):
                switch commands[index] {
                case .failure(let error): results[index] = .failure(error)
                case .success(let request):
                    begun += 1
                    return .item(index, .call(request))
                }
            }
        }
        return begun > 0 ? .later : .over
    }

    mutating func note(_ result: Result<APIResult, ReplyError>, of index: Int) {
        guard results.indices.contains(index), results[index] == nil else { return }
        results[index] = result
        begun -= 1
    }

    /// The answer to the whole.
    consuming func result() -> APIResult {
        let results = results.map { $0 ?? .failure(.internalError) }
        switch content {
        case .broadcast:
            let positions = results.map { result in
                result.flatMap { value -> Result<StreamPosition, ReplyError> in
                    if case .publish(let position) = value { return .success(position) }
                    return .failure(.internalError)
                }
            }
            return .broadcast(positions)
        case .batch(let methods, _):
            return .batch(zip(methods, results).map { APIBatchReply(method: $0, result: $1) })
        }
    }
}
