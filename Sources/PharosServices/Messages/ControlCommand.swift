import PharosDomain
import PharosProtocol

/// A wish about connections that any shard of any node may hold.
enum ControlCommand: Sendable {
    case subscribe(APISubscribe)
    case unsubscribe(APIUnsubscribe)
    case disconnect(APIDisconnect)
    case refresh(APIRefresh)
    case listChannels
    case summary
    case send(APISend)
    case listConnections(APIConnections)
    /// How many subscriptions a channel has.
    case countSubscribers(ChannelName)
}

/// One shard's, or one node's, part of the answer.
enum ControlAnswer: Sendable {
    case done
    case failed(ReplyError)
    case channels([ChannelName: Int])
    case summary(ShardSummary)
    case sent(SendCount)
    /// In the order of client ids, one more than a page at most.
    case connections([APIConnection])
}

/// One shard's part of `info`.
struct ShardSummary: Sendable {
    var clients = 0
    var users: Set<UserID> = []
    var subscriptions = 0
    var channels: Set<ChannelName> = []

    mutating func add(_ other: ShardSummary) {
        clients += other.clients
        users.formUnion(other.users)
        subscriptions += other.subscriptions
        channels.formUnion(other.channels)
    }
}

/// How many connections were meant by a message, and how many of them got it.
struct SendCount: Sendable {
    var delivered = 0
    var undeliverable = 0
    /// Meant but for being excluded.
    var excluded = 0

    mutating func add(_ other: SendCount) {
        delivered += other.delivered
        undeliverable += other.undeliverable
        excluded += other.excluded
    }
}

extension ControlAnswer {
    /// Adds another shard's or node's answer to the same command. A failure stays.
    mutating func add(_ other: ControlAnswer) {
        switch (self, other) {
        case (.failed, _): break
        case (_, .failed): self = other
        case (.channels(var channels), .channels(let more)):
            channels.merge(more) { $0 + $1 }
            self = .channels(channels)
        case (.summary(var summary), .summary(let more)):
            summary.add(more)
            self = .summary(summary)
        case (.sent(var count), .sent(let more)):
            count.add(more)
            self = .sent(count)
        case (.connections(let connections), .connections(let more)): self = .connections(connections + more)
        case (.done, .done): break
        case (.done, _), (.channels, _), (.summary, _), (.sent, _), (.connections, _):
            preconditionFailure("shards answer one command alike")
        }
    }
}
