import PharosDomain

/// Commands of one connection that wait.
///
/// They wait for an answer to an earlier one, or for the connection's next share of a turn.
struct CommandQueue {
    /// Commands that a connection may have waiting for an answer.
    static var heldLimit: Int { 1_024 }
    /// Commands that may wait for their share of a turn.
    ///
    /// Further messages may add commands up to this number.
    static var listedLimit: Int { 8_192 }

    private var commands: [Command] = []
    private var next = 0
    /// Bytes of the messages that they came in.
    var bytes = 0
    /// It stands on the list of unfinished work, and goes on when its turn comes.
    var isListed = false
    /// It is among those that can go on.
    var isRunnable = false

    var count: Int { commands.count - next }
    var first: Command? { next < commands.count ? commands[next] : nil }

    mutating func append(_ more: ArraySlice<Command>) {
        if next > 0 {
            commands.removeFirst(next)
            next = 0
        }
        commands.append(contentsOf: more)
    }

    mutating func removeFirst() { next += 1 }
}
