import PharosDomain

/// Messages between nodes: sends to one or all, and asks with a deadline.
///
/// Everything that is for connections of any node goes this way: messages to them, kicks, subscriptions and counts that
/// the server API asks for, `info`, and the end of a user's older connections. Any thread. Every implementation passes
/// the same conformance suite.
protocol NodeMessages: Sendable {
    /// This node.
    var here: NodeIncarnation { get }

    /// All nodes that are believed to be there, this one among them.
    var nodes: [NodeIncarnation] { get }

    /// Sends a message that has no answer.
    ///
    /// - Parameters:
    ///   - node: nil: all nodes.
    ///   - post: how the sending shard sends messages to shards of this node, so that their order stays.
    func send(_ message: NodeMessage, to node: NodeIncarnation?, post: (ShardMail, Int) -> Void)

    /// Asks nodes to carry out a command.
    ///
    /// - Parameters:
    ///   - deadlineMs: when the answer is due, in monotonic milliseconds; nodes that have not answered by then are missing.
    ///   - asker: gets the answers, and the nodes that are missing, exactly once.
    ///   - post: as for `send`.
    func ask(
        _ command: ControlCommand, of scope: NodeScope, deadlineMs: Int64, for asker: NodeAsker,
        post: (ShardMail, Int) -> Void)

    /// Answers that lacked a node's part, since the start.
    var partialAnswerCount: UInt64 { get }

    /// Messages from other nodes that were none, since the start.
    var rejectedMessageCount: UInt64 { get }

    /// Ends what is overdue; called about once a second.
    func tick(nowMs: Int64)

    /// Begins to take part, and stops.
    func start()
    func leave()
}

/// The nodes that a command is for.
enum NodeScope: Sendable {
    case all
    /// All but this one.
    case others
    /// The node that gave the client its id.
    case client(ClientID)
}

/// A message that has no answer.
enum NodeMessage: Sendable {
    /// A newer connection of the user stays alone.
    ///
    /// Those that came before the one with this number end.
    case disconnectOlder(user: UserID, sequence: UInt64)
    /// A newer poll of the user for the same channels stays alone.
    case cancelOlderPoll(ExclusivePolls.Key, sequence: UInt64)
    /// Commands for a stream, by the name that only its client knows.
    case emulated(session: ClientID, [UInt8])
}
