import PharosBytes

/// A command whose reply has not come.
struct WaitingCommand {
    let ticket: RedisTicket
    let deadlineMs: Int64
    var expectation: Expectation
    /// Where its bytes end in all that the session sends.
    ///
    /// Nil before the handshake is over.
    var endOffset: UInt64?

    enum Expectation {
        case reply
        /// One confirmation for each channel from an index on.
        case confirmations(RedisSubscriptionOrder, next: Int)
    }
}

/// The commands that wait, in order, and the earliest of their deadlines.
///
/// Each operation takes constant time, amortized.
struct WaitingCommands {
    private var commands = FIFO<WaitingCommand>()
    /// Deadlines that are earlier than those of all later commands.
    ///
    /// The first is the earliest of all.
    private var deadlines = FIFO<(ticket: RedisTicket, ms: Int64)>()

    var count: Int { commands.count }
    var first: WaitingCommand? { commands.first }
    var earliestDeadlineMs: Int64? { deadlines.first?.ms }

    mutating func append(_ command: WaitingCommand) {
        while let last = deadlines.last, last.ms >= command.deadlineMs { _ = deadlines.popLast() }
        deadlines.append((command.ticket, command.deadlineMs))
        commands.append(command)
    }

    mutating func popFirst() -> WaitingCommand? {
        guard let command = commands.popFirst() else { return nil }
        if deadlines.first?.ticket == command.ticket { _ = deadlines.popFirst() }
        return command
    }

    mutating func update<Result>(_ index: Int, _ body: (inout WaitingCommand) -> Result) -> Result {
        commands.update(index, body)
    }
}
