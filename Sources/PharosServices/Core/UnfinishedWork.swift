import PharosEdge

/// Work that goes on in the next turn, since it had its share of this one.
enum UnfinishedWork {
    /// Commands of a connection.
    case commands(ConnectionID)
    /// A batch or broadcast of the server API, by its ticket.
    case calls(UInt64)
}

/// Units of work that the edge counts a turn in.
enum Cost {
    /// One client's command, besides the bytes of its message and its answers.
    static var command: Int { 256 }
    /// One call within a batch or broadcast, besides its data.
    static var call: Int { 128 }
    /// Opening or ending one session.
    static var session: Int { 1_024 }
}
