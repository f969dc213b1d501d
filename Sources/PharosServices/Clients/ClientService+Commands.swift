import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// The commands of one message, carried out one after the other.
struct CommandRun {
    let arrived: ArrivedCommands
    var next = 0
}

/// A connection's commands: carried out in order, a limited number in one turn.
///
/// No command overtakes those that wait. They are carried out one at a time by `carryOutNext`, and the shard carries
/// out what follows from each of them before the next one.
extension ClientService {
    /// Reads a message of a client.
    ///
    /// A message for a session that is over is passed over: where commands come apart from the output, some may be on the
    /// way when it ends.
    mutating func received(
        _ id: ConnectionID, _ message: UnsafeRawBufferPointer, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard core.sessions.contains(id) else { return }
        var commands: [Command] = []
        do throws(MalformedFrame) {
            if core.sessions[id].hasConversation {
                return try core.converse(id, &edge) { (conversation, output) throws(MalformedFrame) in
                    try conversation.received(message, into: &output)
                }
            }
            swap(&commands, &spare)
            try core.dialects.decode(message, core.sessions[id].wire.dialect, into: &commands)
        } catch {
            return disconnect(id, .badRequest, &core, &edge)
        }
        core.arrivedCommands.append(ArrivedCommands(id: id, commands: commands, bytes: message.count))
    }

    /// Carries out one command of those that can be; false if there is none.
    mutating func carryOutNext(_ core: inout ShardCore, _ edge: inout Edge) -> Bool {
        if let id = runnable.first {
            goOn(id, &core, &edge)
            return true
        }
        if running == nil {
            guard let arrived = core.arrivedCommands.popFirst() else { return false }
            running = CommandRun(arrived: arrived)
        }
        carryOutRunning(&core, &edge)
        return true
    }

    private mutating func carryOutRunning(_ core: inout ShardCore, _ edge: inout Edge) {
        guard let run = running else { return }
        let (id, commands) = (run.arrived.id, run.arrived.commands)
        guard core.sessions.contains(id), run.next < commands.count else { return endRun(&core, &edge) }
        if run.next == 0, !queues.isEmpty, queues[id.slot] != nil {
            wait(commands[...], of: id, isTurnOver: false, &core, &edge)
            return endRun(&core, &edge)
        }
        let command = commands[run.next]
        let isTurnOver = run.next > 0 && edge.isSliceSpent
        guard !isTurnOver, !core.sessions[id].session.mustWait(command) else {
            wait(commands[run.next...], of: id, isTurnOver: isTurnOver, &core, &edge)
            return endRun(&core, &edge)
        }
        running!.next += 1
        carryOut(command, of: id, &core, &edge)
    }

    /// The message has been dealt with; what of it waits has been counted.
    private mutating func endRun(_ core: inout ShardCore, _ edge: inout Edge) {
        guard let run = running else { return }
        running = nil
        let id = run.arrived.id
        if run.arrived.commands.capacity <= 64 {
            spare = run.arrived.commands
            spare.removeAll(keepingCapacity: true)
        }
        guard core.sessions.contains(id) else { return }
        if !queues.isEmpty, queues[id.slot] != nil {
            queues[id.slot]!.bytes += run.arrived.bytes
            if queues[id.slot]!.bytes > core.node.settings.client.queueMaxSize {
                disconnect(id, .tooManyRequests, &core, &edge)
            }
        }
        updateTimer(id, &core, &edge)
    }

    private mutating func carryOut(
        _ command: Command, of id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        edge.spend(Cost.command)
        guard withinLimits(command, of: id, &core, &edge) else { return }
        core.counters.count(command)
        if case .connect(let request)? = command.request { noteName(request.name, id, &core) }
        let action = core.sessions[id].session.received(command, core.context(edge))
        if let request = command.request { core.note(action, request.kind.name, request.channel, of: id, edge) }
        perform(action, of: id, &core, &edge)
    }

    /// Keeps commands for later.
    ///
    /// - Parameter isTurnOver: only the connection's share of this turn is spent; nothing else has to come first.
    private mutating func wait(
        _ commands: ArraySlice<Command>, of id: ConnectionID, isTurnOver: Bool, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        queues[id.slot, default: CommandQueue()].append(commands)
        if isTurnOver { return list(id, &core, &edge) }
        let queue = queues[id.slot]!
        let limit = queue.isListed ? CommandQueue.listedLimit : CommandQueue.heldLimit
        if queue.count > limit { disconnect(id, .tooManyRequests, &core, &edge) }
    }

    /// Leaves the rest of the connection's commands to the next turn.
    ///
    /// Until then its frames are not read, so that no further commands are kept.
    private mutating func list(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        queues[id.slot]?.isListed = true
        edge.pauseReading(id)
        core.goOnLater(.commands(id), &edge)
    }

    // MARK: Waiting commands

    /// Checks a connection's waiting commands again, after a change they may wait for.
    ///
    /// - Parameter isItsTurn: the commands stood on the list of unfinished work, and their turn has come. If it is
    ///   false, commands that still stand on that list are left there.
    mutating func resumeQueue(_ id: ConnectionID, isItsTurn: Bool = false, _ edge: inout Edge) {
        guard !queues.isEmpty, let queue = queues[id.slot], queue.isListed == isItsTurn, !queue.isRunnable else {
            return
        }
        queues[id.slot]!.isListed = false
        queues[id.slot]!.isRunnable = true
        if isItsTurn { edge.resumeReading(id) }
        runnable.append(id)
    }

    /// Carries out the first of a connection's waiting commands.
    ///
    /// It does so only as far as the session and the turn allow it.
    private mutating func goOn(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        guard core.sessions.contains(id), let command = queues[id.slot]?.first else {
            if core.sessions.contains(id) { queues[id.slot] = nil }
            return stopRunning(id, &core, &edge)
        }
        if core.sessions[id].session.mustWait(command) {
            queues[id.slot]!.isRunnable = false
            if queues[id.slot]!.count > CommandQueue.heldLimit { disconnect(id, .tooManyRequests, &core, &edge) }
            return stopRunning(id, &core, &edge)
        }
        if edge.isSliceSpent {
            queues[id.slot]!.isRunnable = false
            list(id, &core, &edge)
            return stopRunning(id, &core, &edge)
        }
        queues[id.slot]!.removeFirst()
        carryOut(command, of: id, &core, &edge)
    }

    private mutating func stopRunning(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        _ = runnable.popFirst()
        updateTimer(id, &core, &edge)
    }

    /// Only names that the configuration registers become labels; all others are one.
    private func noteName(_ name: SDKName, _ id: ConnectionID, _ core: inout ShardCore) {
        guard core.sessions[id].name == 0,
            let index = core.node.settings.client.registeredNames.firstIndex(of: name)
        else { return }
        core.sessions[id].name = UInt16(index + 1)
        core.counters.nameCounts[index] += 1
    }
}
