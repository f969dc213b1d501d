import PharosDomain
import PharosEdge
import PharosProtocol

/// A connection's commands: in order, none before those that wait, and only so many in one turn.
extension ShardService {
    mutating func handle(_ commands: [Command], of id: ConnectionID, _ edge: inout Edge) {
        if !queues.isEmpty, queues[id.slot] != nil { return wait(commands[...], of: id, isTurnOver: false, &edge) }
        for (position, command) in commands.enumerated() {
            guard sessions.contains(id) else { return }
            let isTurnOver = position > 0 && edge.isSliceSpent
            guard !isTurnOver, !sessions[id].session.mustWait(command) else {
                return wait(commands[position...], of: id, isTurnOver: isTurnOver, &edge)
            }
            carryOut(command, of: id, &edge)
        }
    }

    private mutating func carryOut(_ command: Command, of id: ConnectionID, _ edge: inout Edge) {
        edge.spend(ShardService.commandCost)
        guard withinLimits(command, of: id, &edge) else { return }
        counters.count(command)
        if case .connect(let request)? = command.request { noteName(request.name, id) }
        let action = sessions[id].session.received(command, context(edge))
        if let request = command.request { note(action, request.kind.name, request.channel, of: id, edge) }
        perform(action, of: id, &edge)
    }

    /// Keeps commands for later.
    ///
    /// - Parameter isTurnOver: only the connection's share of this turn is spent; nothing else has to come first.
    private mutating func wait(
        _ commands: ArraySlice<Command>, of id: ConnectionID, isTurnOver: Bool, _ edge: inout Edge
    ) {
        queues[id.slot, default: CommandQueue()].append(commands)
        if isTurnOver { return list(id, &edge) }
        let queue = queues[id.slot]!
        let limit = queue.isListed ? CommandQueue.listedLimit : CommandQueue.heldLimit
        if queue.count > limit { disconnect(id, .tooManyRequests, &edge) }
    }

    /// The connection's commands go on in the next turn. Until then its frames are not read, so that no more are kept.
    private mutating func list(_ id: ConnectionID, _ edge: inout Edge) {
        queues[id.slot]?.isListed = true
        edge.pauseReading(id)
        goOnLater(.commands(id), &edge)
    }

    /// Goes on with commands that waited, as far as the session and the turn allow it.
    ///
    /// - Parameter isItsTurn: they stood on the list of unfinished work; those that still do are not gone on with.
    mutating func resumeQueue(_ id: ConnectionID, isItsTurn: Bool = false, _ edge: inout Edge) {
        guard !queues.isEmpty, sessions.contains(id), queues[id.slot]?.isListed == isItsTurn,
            // Taken out while it is gone on with: an answer that comes meanwhile does not begin it again.
            var queue = queues.removeValue(forKey: id.slot)
        else { return }
        queue.isListed = false
        if isItsTurn { edge.resumeReading(id) }
        while let command = queue.first, !sessions[id].session.mustWait(command) {
            if edge.isSliceSpent {
                queues[id.slot] = queue
                list(id, &edge)
                return updateTimer(id, &edge)
            }
            queue.removeFirst()
            carryOut(command, of: id, &edge)
            guard sessions.contains(id) else { return }
        }
        if queue.count > 0 {
            queues[id.slot] = queue
            if queue.count > CommandQueue.heldLimit { return disconnect(id, .tooManyRequests, &edge) }
        }
        updateTimer(id, &edge)
    }

    /// Only names that the configuration registers become labels; all others are one.
    private mutating func noteName(_ name: SDKName, _ id: ConnectionID) {
        guard sessions[id].name == 0, let place = node.settings.client.registeredNames.firstIndex(of: name) else {
            return
        }
        sessions[id].name = UInt16(place + 1)
        counters.nameCounts[place] += 1
    }
}
