import PharosBytes
import PharosDomain
import PharosEdge

/// Node messages of a server that stands alone.
///
/// This node's shards are all there is to ask.
final class SingleNode: NodeMessages {
    let here: NodeIncarnation
    private let mailboxes: [Mailbox<ShardMail>]
    private let shard: @Sendable (ClientID) -> Int?
    private let exclusivePolls: ExclusivePolls
    private let owner: @Sendable (ChannelName) -> Int
    /// Commands that are not answered yet.
    ///
    /// Those that were go with the next tick.
    private let open = Locked<[Open]>([])

    private struct Open: Sendable {
        weak let gathering: ShardGathering?
    }

    /// - Parameters:
    ///   - shard: the shard that a client's id leads to; nil: none.
    ///   - owner: the shard with a channel's relay.
    init(
        _ here: NodeIncarnation, mailboxes: [Mailbox<ShardMail>], shard: @escaping @Sendable (ClientID) -> Int?,
        exclusivePolls: ExclusivePolls = ExclusivePolls(),
        owner: @escaping @Sendable (ChannelName) -> Int = { _ in 0 }
    ) {
        self.exclusivePolls = exclusivePolls
        self.here = here
        self.mailboxes = mailboxes
        self.shard = shard
        self.owner = owner
    }

    var partialAnswerCount: UInt64 { 0 }

    var rejectedMessageCount: UInt64 { 0 }

    func start() {}

    func leave() {}

    var nodes: [NodeIncarnation] { [here] }

    func send(_ message: NodeMessage, to node: NodeIncarnation?, post: (ShardMail, Int) -> Void) {
        guard node == nil || node == here else { return }
        switch message {
        case .disconnectOlder(let user, let sequence):
            for shard in mailboxes.indices { post(.disconnectOlder(user: user, sequence: sequence), shard) }
        case .cancelOlderPoll(let key, let sequence):
            if let older = exclusivePolls.replaced(key, bySequence: sequence) {
                post(.cancelPoll(older.id), older.shard)
            }
        case .emulated(let session, let data):
            if let shard = shard(session) { post(.emulated(session, data), shard) }
        }
    }

    func ask(
        _ command: ControlCommand, of scope: NodeScope, deadlineMs: Int64, for asker: NodeAsker,
        post: (ShardMail, Int) -> Void
    ) {
        var shards = mailboxes.indices
        switch scope {
        case .all:
            switch command.route {
            case .allShards: break
            case .relay(let channel): shards = owner(channel)..<owner(channel) + 1
            case .oneShard: shards = 0..<1
            }
        case .others: shards = 0..<0
        case .client(let client):
            // If no node has given that id, there are no shards to ask.
            let shard = here.gave(client) ? shard(client) : nil
            shards = shard.map { $0..<$0 + 1 } ?? 0..<0
        }
        let mailboxes = mailboxes
        let gathering = ShardGathering(
            shards: shards.count, of: here.name, for: asker, deadlineMs: deadlineMs
        ) { mail, shard in mailboxes[shard].post(mail) }
        if shards.isEmpty { return gathering.completeEmpty(post: post) }
        open.withLock { $0.append(Open(gathering: gathering)) }
        for shard in shards { post(.control(command, gathering), shard) }
    }

    func tick(nowMs: Int64) {
        let overdue: [ShardGathering] = open.withLock { open in
            open.removeAll { $0.gathering == nil }
            return open.compactMap { $0.gathering.flatMap { $0.deadlineMs <= nowMs ? $0 : nil } }
        }
        for gathering in overdue { gathering.giveUp() }
    }
}
