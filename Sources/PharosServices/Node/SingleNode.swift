import PharosBytes
import PharosDomain
import PharosEdge

/// Node messages of a server that stands alone: this node's shards are all there is to ask.
final class SingleNode: NodeMessages {
    let here: NodeIncarnation
    private let mailboxes: [Mailbox<ShardMail>]
    private let shard: @Sendable (ClientID) -> Int?
    /// Commands that are not answered yet; those that were go with the next tick.
    private let open = Locked<[Open]>([])

    private struct Open: Sendable {
        weak let gathering: ShardGathering?
    }

    /// - Parameter shard: the shard that a client's id leads to; nil: there is none such.
    init(
        _ here: NodeIncarnation, mailboxes: [Mailbox<ShardMail>], shard: @escaping @Sendable (ClientID) -> Int?
    ) {
        self.here = here
        self.mailboxes = mailboxes
        self.shard = shard
    }

    var nodes: [NodeIncarnation] { [here] }

    func send(_ message: NodeMessage, to node: NodeIncarnation?) {
        guard node == nil || node == here else { return }
        switch message {
        case .disconnectOlder(let user, let sequence):
            for mailbox in mailboxes { mailbox.post(.disconnectOlder(user: user, sequence: sequence)) }
        }
    }

    func ask(
        _ command: ControlCommand, of scope: NodeScope, deadlineMs: Int64,
        answer: @escaping @Sendable (NodeAnswers) -> Void
    ) {
        var shards = mailboxes[...]
        if case .client(let client) = scope {
            guard here.gave(client), let shard = shard(client) else { return answer(NodeAnswers()) }
            shards = mailboxes[shard...shard]
        }
        let here = here
        let gathering = ShardGathering(shards: shards.count, deadlineMs: deadlineMs) { whole in
            answer(NodeAnswers(answer: whole, missing: whole == nil ? [here.name] : []))
        }
        open.withLock { $0.append(Open(gathering: gathering)) }
        for mailbox in shards { mailbox.post(.control(command, gathering)) }
    }

    func tick(nowMs: Int64) {
        let overdue: [ShardGathering] = open.withLock { open in
            open.removeAll { $0.gathering == nil }
            return open.compactMap { $0.gathering.flatMap { $0.deadlineMs <= nowMs ? $0 : nil } }
        }
        for gathering in overdue { gathering.giveUp() }
    }
}
