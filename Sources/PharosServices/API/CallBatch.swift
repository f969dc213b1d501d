import PharosDomain
import PharosProtocol

/// Several calls answered as one.
///
/// They are begun in order, by a loop, and only so many in one turn.
struct CallBatch {
    enum Item {
        case call(APIRequest)
        case publish(APIPublish)
        case operation(ShardOperation)
    }

    private enum Content {
        /// One publication for each channel.
        case broadcast(APIPublish, channels: [ChannelName])
        /// With the name of each command, under which its result stands in the reply.
        case batch([MethodName], [Result<APIRequest, ReplyError>])
        /// The operations of one verb.
        case plan([ShardOperation], result: @Sendable ([APIResult]) -> any VerbResult)
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
    /// The next call is going to be begun: answers that come meanwhile are noted only.
    var isListed = false

    init(broadcast: APIBroadcast, origin: CallOrigin) {
        self.origin = origin
        content = .broadcast(broadcast.template, channels: broadcast.channels)
        isSequential = false
        results = Array(repeating: nil, count: broadcast.channels.count)
    }

    init(_ batch: APIBatch, origin: CallOrigin) {
        self.origin = origin
        content = .batch(batch.commands.map { (try? $0.get().name) ?? "" }, batch.commands)
        isSequential = !batch.parallel
        results = Array(repeating: nil, count: batch.commands.count)
    }

    init(
        operations: [ShardOperation], result: @escaping @Sendable ([APIResult]) -> any VerbResult, origin: CallOrigin
    ) {
        self.origin = origin
        content = .plan(operations, result: result)
        isSequential = false
        results = Array(repeating: nil, count: operations.count)
    }

    /// The next step of the loop.
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
            case .plan(let operations, _):
                begun += 1
                return .item(index, .operation(operations[index]))
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
    consuming func result() -> Result<APIResult, ReplyError> {
        let results = results.map { $0 ?? .failure(.internalError) }
        switch content {
        case .broadcast:
            let positions = results.map { result in
                result.flatMap { value -> Result<StreamPosition, ReplyError> in
                    if case .publish(let position) = value { return .success(position) }
                    return .failure(.internalError)
                }
            }
            return .success(.broadcast(positions))
        case .batch(let names, _):
            return .success(.batch(zip(names, results).map { APIBatchReply(name: $0, result: $1) }))
        case .plan(_, let combine):
            return Result { () throws(ReplyError) in
                var answers: [APIResult] = []
                for result in results { answers.append(try result.get()) }
                return .value(combine(answers))
            }
        }
    }
}
