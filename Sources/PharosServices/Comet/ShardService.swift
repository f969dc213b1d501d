import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// The service of one shard: runs the sessions of its connections, owns the channels that hash to it, serves the hot API.
///
/// "Comet" is the old name for what holds many connections and pushes to them. Everything here happens on the shard's
/// thread; other shards are reached by mail, and mail between two shards keeps its order.
struct ShardService: EdgeHandler, ~Copyable {
    typealias Mail = ShardMail

    let node: NodeContext
    let index: Int
    let rules: ChannelRules
    let apiAccess: APIAccess
    var sessions: Sessions
    var channels: LocalChannels
    var owner: ChannelOwner
    var calls = PendingCalls()
    var storeWaits = StoreWaits()
    let storeReceiver: ShardStreamReceiver
    /// Commands that wait, by the connection's place.
    var queues: [UInt32: CommandQueue] = [:]
    /// What goes on in the next turn.
    var unfinished = FairQueue<(work: UnfinishedWork, turn: UInt64)>()
    /// Client addresses, kept only while there is a limit per address.
    var addresses: [UInt32: PeerAddress] = [:]
    /// What may be passed on of connections' own requests, by their place; empty where nothing may.
    var facts: [UInt32: RequestFacts] = [:]
    let passed: PassList
    /// Requests about which the application decides first.
    var handshakes = Handshakes()
    /// What was granted to the request that is being served.
    private(set) var claimed: ConnectionClaims?
    var raw: RawConnections
    var counters = ServiceCounters()
    /// Written by every encoder in turn, and always empty between two messages.
    var scratch: ByteWriter
    /// A message in the form that its carrier gives it; empty between two messages as well.
    var packed: ByteWriter
    /// Under which key a client finds its state again, by the connection's place: only of those who asked for that.
    var sessionKeys: [UInt32: KeyedSession] = [:]
    /// Connections that have taken what their client left, and whose connect is not answered yet.
    var returning: Set<ConnectionID> = []
    /// Channels whose next publication must be whole, by the connection's place.
    var freshDeltas: [UInt32: Set<ChannelName>] = [:]
    /// Plain event streams, by the connection's place.
    var events = Places<EventsState>()
    /// Stateless polls that wait, by the connection's place; not those of crowds.
    var polls: [UInt32: StatelessPoll] = [:]
    /// Polls that wait in a crowd, by the connection's place.
    var crowdSeats = Places<CrowdSeat>()
    var pollPlans = PollPlans()
    /// The first number of the next poll's questions to the application.
    var nextPollNumber: UInt32 = 0x8000_0000
    /// Addresses of polls that wait, by the connection's place; empty while nothing limits connections.
    var pollPlaces: [UInt32: PeerAddress] = [:]
    /// How fast connections have been, by their place; empty while nothing limits that.
    var connectionRates: [UInt32: ConnectionRate] = [:]
    /// Channels that are kept only for polls to come.
    var pollChannels: Set<ChannelName> = []
    /// Sessions that are polled, by the place of their output.
    var polledSessions: [UInt32: PolledSession] = [:]
    /// Polls of sessions that wait here for an answer from the session's shard, by the connection's place.
    var waitingPolls: [UInt32: WaitingPoll] = [:]
    /// Subscribers inside the process that are to be woken at the turn's end.
    var awakened: [any InProcessReceiver] = []
    var decoded: [Command] = []
    var shutdownEndsMs: Int64?
    var nextPositionCheckMs: Int64
    var random = RandomPool()
    /// Made once: contexts refer to it.
    private let clientSettings: SessionContext.Settings

    init(node: NodeContext, index: Int) {
        let settings = node.settings
        self.node = node
        self.index = index
        rules = ChannelRules(settings.channel)
        apiAccess = APIAccess(settings.api)
        sessions = Sessions(userCounts: node.users)
        channels = LocalChannels()
        let told = node.application.events?.kinds ?? []
        owner = ChannelOwner(settings, notesChanges: told.contains(.occupied) || told.contains(.vacated))
        storeReceiver = ShardStreamReceiver(node: node, index: index)
        scratch = ByteWriter(capacity: 4_096)
        packed = ByteWriter(capacity: 4_096)
        clientSettings = SessionContext.Settings(settings.client, hooks: settings.hooks)
        passed = settings.hooks.passes
        raw = RawConnections(settings)
        counters.nameCounts = Array(repeating: 0, count: settings.client.registeredNames.count)
        nextPositionCheckMs = node.startedMs
    }

    func context(_ edge: borrowing Edge) -> SessionContext {
        SessionContext(clientSettings, rules: rules, now: now(edge), version: node.version)
    }

    func now(_ edge: borrowing Edge) -> Moment { Moment(monotonicMs: edge.nowMs, wallMs: edge.wallMs) }

    // MARK: Connections

    mutating func webSocketOpened(
        _ id: ConnectionID, _ head: RequestHead, subprotocol: WebSocketHandshake.Subprotocol, _ edge: inout Edge
    ) {
        if let admission = raw.admission {
            raw.admission = nil
            return rawOpened(id, head, admission, &edge)
        }
        let dialect = DialectTable.standard.dialect(subprotocol: subprotocol.index, query: head.query)
        let format: WireFormat = dialect == DialectTable.protobuf ? .protobuf : .json
        let wire = Wire(format: format, windowBits: edge.compression(of: id))
        withClaims(of: id) { $0.openSession(id, head, wire, &edge) }
    }

    /// Does something for a request that the application let in: sessions that are opened meanwhile are its client's.
    mutating func withClaims(of id: ConnectionID, _ body: (inout ShardService) -> Void) {
        if !handshakes.isEmpty { claimed = handshakes.takeClaims(id) }
        body(&self)
        claimed = nil
    }

    /// A connection has come, and its first command is awaited.
    mutating func openSession(_ id: ConnectionID, _ head: RequestHead, _ wire: Wire, _ edge: inout Edge) {
        var session = ClientSession(
            client: makeClientID(id), settings: heartbeatSettings(wire.carrier),
            firstPing: .random(in: 0..<1, using: &random),
            usesFramePings: wire.carrier == .webSocket && Query.has("cf_ws_frame_ping_pong", "true", in: head.query),
            now: Moment(monotonicMs: edge.nowMs, wallMs: edge.wallMs))
        if let user = userFromProxy(id, head, edge) { session.userNamedByProxy(user) }
        if let claimed { session.claimed(claimed) }
        if !passed.isEmpty { facts[id.slot] = requestFacts(head, id, edge) }
        if node.keepsAddresses { addresses[id.slot] = clientAddress(id, head, edge) }
        var entry = SessionEntry(session: consume session, wire: wire, generation: id.generation)
        if !wire.hasCloseFrame { entry.streamKey = random.next() }
        sessions.insert(consume entry, id)
        if let key = sessionKey(head, wire.carrier) { keyBrought(key, id, edge) }
        counters.opened += 1
        edge.spend(ShardService.sessionCost)
        edge.setTimer(id, atMs: sessions[id].session.nextDeadline(context(edge)))
    }

    /// Who cannot answer is only asked to keep the connection busy, and who comes by himself is not asked at all.
    private func heartbeatSettings(_ carrier: Wire.Carrier) -> ClientSettings {
        var settings = node.settings.client
        switch carrier {
        case .webSocket, .httpStream, .eventStream: break
        case .events: settings.pongTimeout = 0
        case .poll: settings.pingInterval = 0
        case .raw, .rawEvents: preconditionFailure("raw connections have no session")
        }
        return settings
    }

    mutating func messageReceived(
        _ id: ConnectionID, _ message: UnsafeRawBufferPointer, isText: Bool, _ edge: inout Edge
    ) {
        guard sessions.contains(id) else { return rawReceived(id, message, isText: isText, &edge) }
        decoded.removeAll(keepingCapacity: true)
        do throws(MalformedFrame) {
            switch sessions[id].wire.format {
            case .json: try JSONCommandDecoder.decode(message, into: &decoded)
            case .protobuf: try ProtobufCommandDecoder.decode(message, into: &decoded)
            }
        } catch {
            return disconnect(id, .badRequest, &edge)
        }
        var commands: [Command] = []
        swap(&commands, &decoded)
        handle(commands, of: id, &edge)
        swap(&commands, &decoded)
        if !queues.isEmpty, queues[id.slot] != nil {
            queues[id.slot]!.bytes += message.count
            if queues[id.slot]!.bytes > node.settings.client.queueMaxSize { disconnect(id, .tooManyRequests, &edge) }
        }
        updateTimer(id, &edge)
    }

    mutating func pongReceived(_ id: ConnectionID, _ edge: inout Edge) {
        raw.connection(id)?.pongDueMs = 0
        guard sessions.contains(id), sessions[id].session.usesFramePings else { return }
        sessions[id].session.framePongReceived()
        updateTimer(id, &edge)
    }

    mutating func connectionClosed(_ id: ConnectionID, _ edge: inout Edge) {
        if sessions.contains(id) { return closeSession(id, &edge) }
        if !handshakes.isEmpty { handshakes.forget(id) }
        if let connection = raw.connection(id) { return rawVanished(connection, &edge) }
        pollerGone(id, &edge)
    }

    mutating func becameSlow(_ id: ConnectionID, _ edge: inout Edge) {
        counters.slowClosed += 1
        endSlow(id, .slow, &edge)
    }

    mutating func writeTimedOut(_ id: ConnectionID, _ edge: inout Edge) {
        endSlow(id, .writeError, &edge)
    }

    private mutating func endSlow(_ id: ConnectionID, _ reason: Disconnect, _ edge: inout Edge) {
        guard let connection = raw.connection(id) else { return disconnect(id, reason, dropsQueue: true, &edge) }
        closeRaw(connection, code: UInt16(reason.code), reason: reason.reason, dropsQueue: true, &edge)
    }

    mutating func timerFired(_ id: ConnectionID, _ edge: inout Edge) {
        if pollTimedOut(id, &edge) || rawTimedOut(id, &edge) { return }
        guard sessions.contains(id) else { return }
        if shutdownEndsMs != nil { return disconnect(id, .shutdown, &edge) }
        for action in sessions[id].session.timerFired(context(edge)) {
            switch action {
            case .sendPing: sendPing(id, &edge)
            case .ask(let ticket): ask(ticket, of: id, &edge)
            case .disconnect(let reason): return disconnect(id, reason, &edge)
            case .expireSubscription(let subscription): expire(subscription, of: id, &edge)
            }
        }
        updateTimer(id, &edge)
    }

    mutating func expire(_ subscription: Subscription, of id: ConnectionID, _ edge: inout Edge) {
        guard let removed = sessions[id].session.removeSubscription(of: subscription.channel) else { return }
        undo(removed, of: id, because: .expired, &edge)
        send(Push(channel: removed.channel, event: .unsubscribe(.expired)), to: id, &edge)
    }

    mutating func updateTimer(_ id: ConnectionID, _ edge: inout Edge) {
        guard sessions.contains(id), shutdownEndsMs == nil else { return }
        let deadline = sessions[id].session.nextDeadline(context(edge))
        edge.setTimer(id, atMs: min(deadline, pollSessionDeadline(id)))
        if !sessionKeys.isEmpty { noteLifetime(id) }
    }

    // MARK: Ending

    /// Ends a connection with a code; everything it held is undone at once.
    mutating func disconnect(
        _ id: ConnectionID, _ reason: Disconnect, dropsQueue: Bool = false, keepsState: Bool? = nil,
        _ edge: inout Edge
    ) {
        guard sessions.contains(id) else { return }
        counters.disconnects[reason.code, default: 0] += 1
        node.report(.disconnected(code: reason.code, reason: reason.reason))
        // What was published to it in this turn goes before the close frame: leaving its channels hands that over.
        let wire = sessions[id].wire
        let stream = events[at: id.slot]
        // Who is sent away for good finds nothing again.
        closeSession(id, because: reason, keepsState: keepsState ?? reason.isReconnect, &edge)
        switch wire.carrier {
        case .webSocket:
            edge.closeWebSocket(
                id, code: UInt16(truncatingIfNeeded: reason.code), reason: reason.reason, dropsQueue: dropsQueue)
        case .httpStream, .eventStream:
            // Without a close frame the reason is the last message.
            encode(Push(channel: "", event: .disconnect(reason)), wire)
            _ = frame(wire, edge)
            if wire.carrier == .eventStream {
                packed.withBytes { edge.endStream(id, lastWords: $0, dropsQueue: dropsQueue) }
            } else {
                scratch.withBytes { edge.endStream(id, lastWords: $0, dropsQueue: dropsQueue) }
            }
            packed.removeAll()
            scratch.removeAll()
        case .poll where dropsQueue: endPolledSession(id, &edge)
        case .poll:
            write(Push(channel: "", event: .disconnect(reason)), to: id, wire, &edge)
            pollSessionEnded(id, &edge)
        case .events: endEvents(id, stream, reason, dropsQueue: dropsQueue, &edge)
        case .raw, .rawEvents: preconditionFailure("raw connections have no session")
        }
    }

    /// - Parameter keepsState: whether a client that asked for it finds its state again.
    mutating func closeSession(
        _ id: ConnectionID, because reason: Disconnect = .connectionClosed, keepsState: Bool = true, _ edge: inout Edge
    ) {
        guard sessions.contains(id) else { return }
        edge.spend(ShardService.sessionCost)
        let keyed = sessionKeys.isEmpty ? nil : sessionKeys[id.slot]
        // What still waits for an older connection's state has none to leave.
        let left =
            keepsState && keyed != nil && !sessions[id].awaitsState ? stateLeft(by: id, because: reason, edge) : nil
        for subscription in sessions[id].session.close() { undo(subscription, of: id, because: .disconnected, &edge) }
        if sessions[id].isRegistered { tellDisconnected(id, reason, edge) }
        if sessions[id].name > 0 { counters.nameCounts[Int(sessions[id].name) - 1] -= 1 }
        if sessions[id].userSequence > 0 { node.leftNewest(of: sessions[id].session.user) }
        if sessions[id].holdsUserPlace { node.leave(user: sessions[id].session.user) }
        sessions.remove(id)
        sessionKeys[id.slot] = nil
        if !returning.isEmpty { returning.remove(id) }
        facts[id.slot] = nil
        freshDeltas[id.slot] = nil
        events[at: id.slot] = nil
        queues[id.slot] = nil
        connectionRates[id.slot] = nil
        node.leave(address: addresses.removeValue(forKey: id.slot) ?? "")
        counters.closed += 1
        if let keyed { keyLeft(keyed, id, left, &edge) }
    }

    // MARK: Housekeeping

    mutating func ticked(_ edge: inout Edge) {
        owner.expire(nowMs: edge.nowMs)
        releasePollChannels(&edge)
        if index == 0 {
            node.parked.expire(nowMs: edge.nowMs)
            node.refusals.tick()
        }
        if edge.nowMs >= nextPositionCheckMs {
            nextPositionCheckMs = edge.nowMs + Int64(node.settings.client.channelPositionCheckDelay * 1_000)
            checkPositions(&edge)
        }
        guard let ends = shutdownEndsMs else { return }
        if edge.nowMs >= ends { abandonRaw(&edge) }
        if edge.connectionCount == 0 && raw.isEmpty || edge.nowMs >= ends { edge.isFinished = true }
    }

    // MARK: Names

    mutating func makeClientID(_ id: ConnectionID) -> ClientID {
        ClientID(high: random.next(), low: name(of: id))
    }

    /// The place of a connection in this process, mixed with a secret.
    func name(of id: ConnectionID) -> UInt64 {
        // The shard's number takes the highest byte of the generation.
        let place = UInt64(id.slot) | UInt64(id.generation & 0xff_ffff) << 32 | UInt64(index) << 56
        return place ^ node.clientIDSecret
    }

    /// The session at the place that a name tells, if it is on this shard and still the same connection.
    func place(of name: ClientID) -> ConnectionID? {
        let place = name.low ^ node.clientIDSecret
        guard place >> 56 == UInt64(index), let id = sessions.connection(at: UInt32(truncatingIfNeeded: place)),
            UInt32(truncatingIfNeeded: place >> 32) & 0xff_ffff == id.generation & 0xff_ffff
        else { return nil }
        return id
    }

    /// The connection that a client id names, if it is one of this shard's.
    func connection(of client: ClientName) -> ConnectionID? {
        guard let name = ClientID(client), let id = place(of: name), sessions[id].session.client == name else {
            return nil
        }
        return id
    }
}
