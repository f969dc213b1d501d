import PharosBytes
import PharosChannels
import PharosDomain
import PharosEdge
import PharosMemory
import PharosProtocol

/// One shard: its core, its services, and the relay of channels that hash to it.
///
/// The services stand beside each other. Everything happens on the shard's thread. An event that the edge reports, or a
/// message that arrives, goes to the one service that it is for; afterwards `settle` passes on the messages that
/// services have sent one another, until none is left.
struct ShardService: EdgeHandler, ~Copyable {
    typealias Mail = ShardMail

    var core: ShardCore
    var relay: ChannelRelay
    /// Members of the relay's channels on this node.
    let members: MemoryPresence
    var clients = ClientService()
    var handshakes = Handshakes()
    var polls = PollService()
    var sessionPolls = SessionPollService()
    var messages = MessageTransport()
    var raw: RawService
    var api = APIService()
    var inProcess = InProcessService()
    private var nextPositionCheckMs: Int64
    /// Memory for what the relay puts out.
    private var relayOutput: [RelayOutput] = []

    init(node: NodeContext, index: Int) {
        let settings = node.settings
        let relaySettings = ChannelRelay.Settings(
            channel: settings.channel, recoveryLimit: settings.client.recoveryMaxPublicationLimit,
            cacheSize: settings.store.cacheSize,
            notesOccupancy: node.application.events?.notesOccupancy ?? false, nodeMark: node.incarnation.mark)
        core = ShardCore(node: node, index: index)
        let members = MemoryPresence()
        let presence: any PresenceStore =
            node.cluster == nil ? members : ClusterPresence(members, node) { node.post(.relayIsDue, to: index) }
        self.members = members
        relay = ChannelRelay(relaySettings, engine: node.makeEngine(shard: index), presence: presence)
        raw = RawService(settings)
        nextPositionCheckMs = node.startedMs
    }

    // MARK: Messages

    /// Carries out the requests that services have sent one another.
    ///
    /// It also carries out commands that were read, and goes on until nothing is left.
    mutating func settle(_ edge: inout Edge) {
        while true {
            if relay.hasOutput {
                var output: [RelayOutput] = []
                swap(&output, &relayOutput)
                relay.takeOutput(&output)
                for each in output { carryOut(each, &edge) }
                output.removeAll(keepingCapacity: true)
                swap(&output, &relayOutput)
            } else if let mail = core.nextMail() {
                receive(mail, &edge)
            } else if !clients.carryOutNext(&core, &edge) {
                return
            }
        }
    }

    private mutating func carryOut(_ output: RelayOutput, _ edge: inout Edge) {
        switch output {
        case .message(let message, let shard) where shard == core.index: receive(message, &edge)
        case .message(let message, let shard): core.post(.relayed(message), to: shard)
        case .event(let channel, let event, var shards):
            if shards & 1 << UInt64(core.index) != 0 { deliver(event, in: channel, &edge) }
            shards &= ~(1 << UInt64(core.index))
            while shards != 0 {
                let shard = shards.trailingZeroBitCount
                shards &= shards - 1
                core.post(.relayed(.event(channel: channel, event)), to: shard)
            }
        case .occupancy(let channel, let isOccupied): core.tellOccupancy(channel, isOccupied: isOccupied, edge)
        }
    }

    mutating func mailReceived(_ mail: ShardMail, _ edge: inout Edge) {
        core.isReadingMail = true
        receive(mail, &edge)
        settle(&edge)
        core.isReadingMail = false
    }

    mutating func outputLeaves(_ edge: inout Edge) -> Bool {
        inProcess.wake()
        return core.flushOutbox()
    }

    /// Continues unfinished work in order, a slice each.
    ///
    /// It does so as far as one turn's part goes. Work that was begun in this turn has had its slice.
    mutating func continueWork(_ edge: inout Edge) {
        var budget = edge.configuration.backlogSlice
        while budget > 0, let next = core.unfinished.first, next.turn != edge.turn,
            let (work, _) = core.unfinished.popFirst()
        {
            edge.beginSlice()
            switch work {
            case .commands(let id): clients.resumeQueue(id, isItsTurn: true, &edge)
            case .calls(let ticket): api.continueCalls(ticket, &core, &edge)
            }
            settle(&edge)
            budget -= max(edge.workDone, 1)
        }
        if !core.unfinished.isEmpty { edge.askToContinue() }
    }

    // MARK: Connections

    mutating func webSocketOpened(
        _ id: ConnectionID, _ head: RequestHead, subprotocol: WebSocketHandshake.Subprotocol, _ edge: inout Edge
    ) {
        if let admission = raw.takeAdmission() {
            raw.opened(id, head, admission, &core, &edge)
            return settle(&edge)
        }
        let dialect = core.dialects.dialect(subprotocol: subprotocol.index, query: head.query)
        let wire = Wire(dialect: dialect, framing: .frame, windowBits: edge.compression(of: id))
        do throws(ConversationRefusal) {
            let facts = try core.clientFacts(id, head, wire, handshakes.takeClaims(id), edge)
            clients.open(id, facts, wire, &core, &edge)
        } catch {
            // The upgrade is answered already: the close frame says it.
            edge.closeWebSocket(id, code: 1008, reason: error.message, dropsQueue: false)
        }
        settle(&edge)
    }

    mutating func messageReceived(
        _ id: ConnectionID, _ message: UnsafeRawBufferPointer, isText: Bool, _ edge: inout Edge
    ) {
        if core.sessions.contains(id) {
            clients.received(id, message, &core, &edge)
        } else {
            raw.received(id, message, isText: isText, &core, &edge)
        }
        settle(&edge)
    }

    mutating func pongReceived(_ id: ConnectionID, _ edge: inout Edge) {
        if core.sessions.contains(id) {
            clients.pongReceived(id, &core, &edge)
        } else {
            raw.raw.connection(id)?.pongDueMs = 0
        }
    }

    mutating func connectionClosed(_ id: ConnectionID, _ edge: inout Edge) {
        if core.sessions.contains(id) {
            clients.close(id, &core, &edge)
        } else {
            if !handshakes.isEmpty { handshakes.forget(id) }
            if let connection = raw.raw.connection(id) {
                raw.vanished(connection, &core, &edge)
            } else {
                polls.connectionClosed(id, &core)
                sessionPolls.connectionClosed(id, &core)
            }
        }
        settle(&edge)
    }

    mutating func becameSlow(_ id: ConnectionID, _ edge: inout Edge) {
        core.counters.slowClosed += 1
        endSlow(id, .slow, &edge)
    }

    mutating func writeTimedOut(_ id: ConnectionID, _ edge: inout Edge) {
        endSlow(id, .writeError, &edge)
    }

    private mutating func endSlow(_ id: ConnectionID, _ reason: Disconnect, _ edge: inout Edge) {
        if let connection = raw.raw.connection(id) {
            raw.closeRaw(
                connection, code: UInt16(reason.code), reason: reason.reason, dropsQueue: true, &core, &edge)
        } else {
            clients.disconnect(id, reason, dropsQueue: true, &core, &edge)
        }
        settle(&edge)
    }

    mutating func timerFired(_ id: ConnectionID, _ edge: inout Edge) {
        let isDone =
            polls.timedOut(id, &core, &edge) || sessionPolls.timedOut(id, &clients, &core, &edge)
            || raw.timedOut(id, &core, &edge) || messages.timedOut(id, &edge)
        if !isDone, core.sessions.contains(id) { clients.timerFired(id, &core, &edge) }
        settle(&edge)
    }

    mutating func outputArrived(_ id: ConnectionID, _ edge: inout Edge) {
        sessionPolls.outputArrived(id, &clients, &core, &edge)
        if !messages.isEmpty { messages.outputArrived(id, &edge) }
        settle(&edge)
    }

    mutating func publicationsDropped(
        _ id: ConnectionID, topic: UInt32, dropped: Int, replaced: Int, _ edge: inout Edge
    ) {
        core.publicationsDropped(id, topic: topic, dropped: dropped, &edge)
    }

    // MARK: Housekeeping

    mutating func ticked(_ edge: inout Edge) {
        relay.expire(at: core.now(edge))
        polls.release(&core, &edge)
        if core.index == 0 {
            core.node.parked.expire(nowMs: edge.nowMs)
            core.node.refusals.tick()
            core.node.messages.tick(nowMs: edge.nowMs)
        }
        if edge.nowMs >= nextPositionCheckMs {
            nextPositionCheckMs =
                edge.nowMs + Int64(core.node.settings.client.channelPositionCheckDelay * 1_000)
            clients.checkPositions(&core)
        }
        endAged(&edge)
        endIfDue(&edge)
        settle(&edge)
    }

    /// Asks the connections that have reached the maximum age to come back.
    ///
    /// They may come back to another node.
    private mutating func endAged(_ edge: inout Edge) {
        guard core.ages != nil, core.shutdownEndsMs == nil else { return }
        for id in core.ages!.takeDue(nowMs: edge.nowMs) {
            if core.sessions.contains(id) {
                clients.disconnect(id, .forceReconnect, &core, &edge)
            } else if let connection = raw.raw.connection(id) {
                raw.closeRaw(connection, code: 1012, reason: "service restart", &core, &edge)
            }
        }
    }

    // MARK: End

    /// Accepts no new connections, and asks the open ones to come back.
    ///
    /// The requests are spread over the window, or over longer where the rate is limited: see `DrainPlan`.
    mutating func shutDown(_ windowMs: Int64, _ edge: inout Edge) {
        guard core.shutdownEndsMs == nil else { return }
        edge.stopAccepting()
        let settings = core.node.settings
        let timeoutMs = Int64(settings.shutdownTimeout * 1_000)
        core.shutdownEndsMs = edge.nowMs + timeoutMs
        var open: [ConnectionID] = []
        edge.forEachOpen { open.append($0) }
        var detached: [ConnectionID] = []
        edge.forEachDetached { detached.append($0) }
        for id in detached { clients.disconnect(id, .shutdown, &core, &edge) }
        polls.end(&core, &edge)
        inProcess.end(&core, &edge)
        let plan = DrainPlan(
            connections: open.count, windowMs: windowMs, rate: settings.shutdownRate,
            shards: core.node.mailboxes.count, timeoutMs: timeoutMs)
        for (index, id) in open.enumerated() {
            let chance = Double.random(in: 0..<1, using: &core.random)
            edge.setTimer(id, atMs: edge.nowMs + plan.moment(of: index, count: open.count, chance: chance))
        }
        edge.closeIdleRequests()
        endIfDue(&edge)
    }

    private mutating func endIfDue(_ edge: inout Edge) {
        guard let ends = core.shutdownEndsMs else { return }
        let isOver = edge.nowMs >= ends
        if isOver { raw.abandon(&core, &edge) }
        if isOver || edge.connectionCount == 0 && raw.raw.isEmpty && messages.isEmpty { edge.isFinished = true }
    }
}
