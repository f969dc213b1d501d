package import PharosDomain

/// One call of the server API, as a shard carries it out.
package enum APIRequest: Sendable {
    case publish(APIPublish)
    case broadcast(APIBroadcast)
    case batch(APIBatch)
    case planned(any PlannedVerb)

    private var verb: any ShardVerb {
        switch self {
        case .publish(let publish): publish
        case .broadcast(let broadcast): broadcast
        case .batch(let batch): batch
        case .planned(let verb): verb
        }
    }

    package var name: MethodName {
        switch self {
        case .publish: APIPublish.name
        case .broadcast: APIBroadcast.name
        case .batch: APIBatch.name
        case .planned(let verb): type(of: verb).name
        }
    }

    package var route: VerbRoute { verb.route }

    /// The channel that the log names when the call is refused.
    package var namedChannel: ChannelName? { verb.namedChannel }
}

extension APIRequest: Equatable {
    package static func == (left: APIRequest, right: APIRequest) -> Bool {
        switch (left, right) {
        case (.publish(let left), .publish(let right)): left == right
        case (.broadcast(let left), .broadcast(let right)): left == right
        case (.batch(let left), .batch(let right)): left == right
        case (.planned(let left), .planned(let right)): left.isEqual(to: right)
        default: false
        }
    }
}
