import PharosEdge

/// What is gone on with in the next turn, since it had its share of this one.
enum UnfinishedWork {
    /// Commands of a connection.
    case commands(ConnectionID)
    /// A batch or broadcast of the server API, by its ticket.
    case calls(UInt64)
}

extension ShardService {
    /// Units of one client's command, besides the bytes of its message and its answers.
    static var commandCost: Int { 256 }
    /// Units of one call within a batch or broadcast, besides its data.
    static var callCost: Int { 128 }
    /// Units of opening or ending one session.
    static var sessionCost: Int { 1_024 }

    mutating func goOnLater(_ work: UnfinishedWork, _ edge: inout Edge) {
        unfinished.append((work, edge.turn))
        edge.askToContinue()
    }

    /// In order, a slice each, as far as one turn's part goes; what was begun in this turn has had its slice.
    mutating func continueWork(_ edge: inout Edge) {
        var budget = edge.configuration.backlogSlice
        while budget > 0, let next = unfinished.first, next.turn != edge.turn, let (work, _) = unfinished.popFirst() {
            edge.beginSlice()
            switch work {
            case .commands(let id): resumeQueue(id, isItsTurn: true, &edge)
            case .calls(let ticket): continueCalls(ticket, &edge)
            }
            budget -= max(edge.workDone, 1)
        }
        if !unfinished.isEmpty { edge.askToContinue() }
    }
}
