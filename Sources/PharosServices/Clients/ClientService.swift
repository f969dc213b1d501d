import PharosBytes
import PharosChannels
import PharosDomain
import PharosEdge
import PharosProtocol

/// The clients of one shard: their sessions' commands, subscriptions and timers.
///
/// It also handles the ends of sessions. A session decides, and this carries out what it decided. State of a connection
/// is kept by its slot.
struct ClientService: ~Copyable {
    /// Commands that wait.
    var queues: [UInt32: CommandQueue] = [:]
    /// Connections whose waiting commands can go on.
    var runnable = FIFO<ConnectionID>()
    /// The message whose commands are being carried out.
    var running: CommandRun?
    /// Memory for the next message's commands.
    var spare: [Command] = []
    /// The keys under which clients find their state again.
    ///
    /// Only connections that asked for that have one.
    var sessionKeys: [UInt32: KeyedSession] = [:]
    /// Connections that have taken the state that their client left.
    ///
    /// Their connect is not answered yet.
    var returning: Set<ConnectionID> = []
    var surrenders = Surrenders()
    /// How fast connections have been; empty while nothing limits that.
    var connectionRates: [UInt32: ConnectionRate] = [:]

    // MARK: Connections

    /// Adds a connection that has come, and whose first command is awaited.
    ///
    /// This is the one way in, for all transports. The edge has the connection as one that can be sent to, or as one
    /// that waits for its answer.
    mutating func open(
        _ id: ConnectionID, _ facts: ClientFacts, _ wire: Wire, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let session = ClientSession(
            client: core.makeClientID(id), settings: heartbeatSettings(facts.pings, core),
            firstPing: .random(in: 0..<1, using: &core.random), usesFramePings: facts.pings == .frame,
            user: facts.user, claims: facts.claims, bringsKey: facts.key != nil, now: core.now(edge))
        core.facts[id.slot] = facts.request
        if core.node.keepsAddresses { core.addresses[id.slot] = facts.address }
        var entry = SessionEntry(session: consume session, wire: wire, generation: id.generation)
        if wire.framing.isOneWay { entry.streamKey = core.random.next() }
        if let conversation = facts.conversation {
            entry.hasConversation = true
            core.conversations.insert(conversation, at: Int(id.slot))
        }
        core.sessions.insert(consume entry, id)
        if let key = facts.key { keyBrought(key, id, &core) }
        core.counters.opened += 1
        core.noteAge(id, edge)
        edge.spend(Cost.session)
        edge.setTimer(id, atMs: core.sessions[id].session.nextDeadline(core.context(edge)))
        if facts.conversation != nil {
            let client = core.sessions[id].session.client.name
            core.converse(id, &edge) { $0.opened(as: client, into: &$1) }
        }
    }

    /// The settings of a session, with the pings that suit its connection.
    ///
    /// A client that cannot answer is pinged only to keep the connection busy, and one that comes by itself is not
    /// pinged.
    private func heartbeatSettings(_ pings: PingStyle, _ core: borrowing ShardCore) -> ClientSettings {
        var settings = core.node.settings.client
        switch pings {
        case .message, .frame: break
        case .comment: settings.pongTimeout = 0
        case .none: settings.pingInterval = 0
        }
        return settings
    }

    mutating func pongReceived(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        guard core.sessions[id].session.usesFramePings else { return }
        core.sessions[id].session.framePongReceived()
        updateTimer(id, &core, &edge)
    }

    mutating func timerFired(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        if core.shutdownEndsMs != nil { return disconnect(id, .shutdown, &core, &edge) }
        for action in core.sessions[id].session.timerFired(core.context(edge)) {
            switch action {
            case .sendPing: core.sendPing(id, &edge)
            case .ask(let ticket): ask(ticket, of: id, &core, &edge)
            case .disconnect(let reason): return disconnect(id, reason, &core, &edge)
            case .expireSubscription(let subscription): expire(subscription, of: id, &core, &edge)
            }
        }
        updateTimer(id, &core, &edge)
    }

    mutating func expire(
        _ subscription: Subscription, of id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard let removed = core.sessions[id].session.removeSubscription(of: subscription.channel) else { return }
        undo(removed, of: id, because: .expired, &core, &edge)
        core.send(Push(channel: removed.channel, event: .unsubscribe(.expired)), to: id, &edge)
    }

    mutating func updateTimer(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        guard core.sessions.contains(id), core.shutdownEndsMs == nil else { return }
        let deadline = core.sessions[id].session.nextDeadline(core.context(edge))
        edge.setTimer(id, atMs: min(deadline, core.pollDeadline(of: id)))
        if !sessionKeys.isEmpty { noteLifetime(id, &core) }
    }

    // MARK: Ending

    /// Ends a connection with a code; everything it held is undone at once.
    mutating func disconnect(
        _ id: ConnectionID, _ reason: Disconnect, dropsQueue: Bool = false, keepsState: Bool? = nil,
        _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard core.sessions.contains(id) else { return }
        core.counters.disconnects[reason.code, default: 0] += 1
        core.node.report(.disconnected(code: reason.code, reason: reason.reason))
        // What was published to it in this turn goes before the close frame: leaving its channels hands that over.
        let wire = core.sessions[id].wire
        let conversation = core.sessions[id].hasConversation ? core.conversations[at: id.slot] : nil
        // A client that is sent away for good finds nothing again.
        close(id, because: reason, keepsState: keepsState ?? reason.isReconnect, &core, &edge)
        core.endOutput(id, wire, conversation, reason, dropsQueue: dropsQueue, &edge)
    }

    /// A session is over.
    ///
    /// - Parameter keepsState: whether a client that asked for it finds its state again.
    mutating func close(
        _ id: ConnectionID, because reason: Disconnect = .connectionClosed, keepsState: Bool = true,
        _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard core.sessions.contains(id) else { return }
        edge.spend(Cost.session)
        let keyed = sessionKeys.isEmpty ? nil : sessionKeys[id.slot]
        // A connection that still waits for an older one's state has none to leave.
        let left =
            keepsState && keyed != nil && !core.sessions[id].awaitsState
            ? stateLeft(by: id, because: reason, core, edge) : nil
        for subscription in core.sessions[id].session.close() {
            undo(subscription, of: id, because: .disconnected, &core, &edge)
        }
        if core.sessions[id].isRegistered { core.tellDisconnected(id, reason, edge) }
        if core.sessions[id].name > 0 { core.counters.nameCounts[Int(core.sessions[id].name) - 1] -= 1 }
        if core.sessions[id].userSequence > 0 { core.node.leftNewest(of: core.sessions[id].session.user) }
        if core.sessions[id].holdsUserPlace { core.node.leave(user: core.sessions[id].session.user) }
        if core.sessions[id].hasConversation { core.conversations.remove(at: Int(id.slot)) }
        core.sessions.remove(id)
        sessionKeys[id.slot] = nil
        if !returning.isEmpty { returning.remove(id) }
        core.facts[id.slot] = nil
        core.freshDeltas[id.slot] = nil
        queues[id.slot] = nil
        connectionRates[id.slot] = nil
        core.node.leave(address: core.addresses.removeValue(forKey: id.slot) ?? "")
        core.counters.closed += 1
        if let keyed { keyLeft(keyed, id, left, &core, edge) }
    }
}
