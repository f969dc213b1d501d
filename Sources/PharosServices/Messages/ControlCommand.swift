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
    /// Raw connections that another node could not place.
    case raw(RawForeignOrder)

    /// By one shard of each node.
    case surrenderSession(SessionSurrender)
    case pollSession(ForeignPoll)

    // By the channel's relay of each node.
    case members(ChannelName)
    case memberCounts(ChannelName)

    enum Route {
        case allShards
        case relay(ChannelName)
        case oneShard
    }

    /// The shards of a node that carry it out.
    var route: Route {
        switch self {
        case .members(let channel), .memberCounts(let channel): .relay(channel)
        case .surrenderSession, .pollSession: .oneShard
        default: .allShards
        }
    }
}

/// One shard's, or one node's, part of the answer.
enum ControlAnswer: Sendable {
    case done
    case failed(ReplyError)
    case channels([ChannelName: Int])
    /// One for each node; in a shard's answer there is one.
    case summary([ShardSummary])
    case sent(SendCount)
    /// In the order of client ids, one more than a page at most.
    case connections([APIConnection])
    case members([ClientName: ClientInfo])
    case memberCounts(clients: Int, users: Set<UserID>)
    case raw(RawForeignAnswer)
    case session(SurrenderedSession)
    /// Of the node that has the polled session; the others say `done`.
    case polled(SessionPollAnswer)

    /// Whether other nodes have nothing to add.
    var isWhole: Bool { if case .polled = self { true } else { false } }
}

/// One shard's, or one node's, part of `info`.
struct ShardSummary: Sendable {
    /// Of the node, see `APINodeInfo`.
    var uid = ""
    var name = ""
    var version = ""
    /// Seconds since the node's start.
    var uptime: Int64 = 0
    var clients = 0
    var users: Set<UserID> = []
    var subscriptions = 0
    var channels: Set<ChannelName> = []
    /// The counts of another node, which does not say of which users and channels.
    var foreignUsers = 0
    var foreignChannels = 0

    var userCount: Int { users.count + foreignUsers }
    var channelCount: Int { channels.count + foreignChannels }

    /// Adds another shard of the same node.
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
        case (.summary(var nodes), .summary(let more)):
            for summary in more {
                if let index = nodes.firstIndex(where: { $0.uid == summary.uid }) {
                    nodes[index].add(summary)
                } else {
                    nodes.append(summary)
                }
            }
            self = .summary(nodes)
        case (.sent(var count), .sent(let more)):
            count.add(more)
            self = .sent(count)
        case (.connections(let connections), .connections(let more)): self = .connections(connections + more)
        case (.members(let members), .members(let more)): self = .members(members.merging(more) { $1 })
        case (.memberCounts(let clients, let users), .memberCounts(let more, let others)):
            self = .memberCounts(clients: clients + more, users: users.union(others))
        case (.raw(var answer), .raw(let more)):
            answer.add(more)
            self = .raw(answer)
        case (.session(var session), .session(let more)):
            session.add(more)
            self = .session(session)
        case (.done, .done), (.polled, .done), (.polled, .polled): break
        case (.done, .polled): self = other
        case (.done, _), (.channels, _), (.summary, _), (.sent, _), (.connections, _), (.members, _),
            (.memberCounts, _), (.raw, _), (.session, _), (.polled, _):
            // Shards of this node answer alike; another node is of another make.
            self = .failed(.internalError)
        }
    }
}
