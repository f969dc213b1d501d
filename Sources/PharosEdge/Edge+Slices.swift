import CPharosSys
import PharosBytes

/// The sharing of a turn's time.
///
/// One connection's input takes so much of it before the others go on.
///
/// Work is counted in units: a byte that was read or decompressed is one, whatever costs more adds some. A connection
/// whose input has taken its slice waits with the rest for the next turn, and its socket is not read until then. All
/// that waits in this way shares one part of a turn and takes it by turns, so that a turn's length does not grow with
/// the number of those who send much.
extension Edge {
    /// Units of one message or control frame, besides its bytes.
    static var messageCost: Int { 64 }
    /// Units of one request, besides its bytes.
    static var requestCost: Int { 512 }
    /// Units that a turn's first publication in a topic costs per subscriber.
    static var subscriberCost: Int { 64 }

    /// Counts work that was done for the input which is being served now.
    @inline(__always)
    package mutating func spend(_ units: Int) { spent &+= units }

    /// Units of work since the current slice began.
    package var workDone: Int { spent }

    /// Whether the input that is served now has had its share of this turn.
    @inline(__always)
    package var isSliceSpent: Bool { spent >= configuration.inputSlice }

    /// From here on other input is served.
    @inline(__always)
    package mutating func beginSlice() { spent = 0 }

    /// Has the handler's `continueWork` called in the next turn.
    ///
    /// That turn comes without waiting for anything.
    package mutating func askToContinue() { hasUnfinishedWork = true }

    /// Keeps the rest of a connection's input for the next turn.
    ///
    /// The connection is not read until then.
    mutating func setAside(_ slot: UInt32) {
        let entry = connections[slot]
        let isNew = !entry.pointee.flags.contains(.isSetAside)
        entry.pointee.flags.insert(.isSetAside)
        aside.append(ConnectionID(slot: slot, generation: entry.pointee.generation))
        counters.inputsSetAside += 1
        if isNew { updateInterest(slot) }
    }
}

extension ShardLoop where Handler: ~Copyable {
    /// Goes on with the `due` connections that earlier turns set aside.
    ///
    /// They get a slice each, in order, as far as one turn's part goes.
    mutating func serveSetAside(_ due: Int) {
        var budget = edge.configuration.backlogSlice
        var count = due
        while count > 0, budget > 0, let id = edge.aside.popFirst() {
            count -= 1
            guard edge.isOpen(id) else { continue }
            edge.connections[id.slot].pointee.flags.remove(.isSetAside)
            edge.beginSlice()
            resume(id)
            budget -= max(edge.spent, 1)
            // Set aside again it stands at the end, and is not read.
            guard edge.isOpen(id), !edge.connections[id.slot].pointee.flags.contains(.isSetAside) else { continue }
            edge.updateInterest(id.slot)
        }
    }
}
