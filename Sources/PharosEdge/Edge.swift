import CPharosSys
import PharosBytes
import PharosTLS

/// One shard's connections, topics and output.
///
/// It is everything of the edge that has no opinion about the content of messages.
///
/// Lives on one thread. Nothing is sent before the end of the loop's turn, so all output of one turn leaves in one
/// system call per connection. See `Edge+Output` and `Edge+Topics` for the two halves.
package struct Edge: ~Copyable {
    package let configuration: EdgeConfiguration
    /// Monotonic milliseconds, read once per turn.
    package internal(set) var nowMs: Int64
    /// Milliseconds since 1970, read once per turn.
    package internal(set) var wallMs: Int64
    package internal(set) var counters = EdgeCounters()
    package internal(set) var isAccepting = true
    /// Set by the handler: the loop ends after this turn.
    package var isFinished = false

    let epoll: Int32
    var connections: Slab<Connection>
    var segments: GrowingSlab<Segment>
    var pool: BlockPool
    var wheel: TimerWheel
    var topics: GrowingSlab<Topic>
    var nodes: GrowingSlab<Node>
    /// Of one turn's prepared responses.
    var prepared: [BlockPointer] = []
    var compressor: MessageCompressor
    var inflater = MessageInflater()
    /// Counts the loop's turns.
    package internal(set) var turn: UInt64 = 0
    var detachedCount = 0
    /// Where the search for idle connections goes on.
    var reclaimCursor: UInt32 = 0
    /// Slots with output of this turn.
    var dirty: [UInt32] = []
    var dirtyTopics: [UInt32] = []
    /// Topics with many subscribers, not all of whom have everything yet.
    var rollingTopics: [UInt32] = []
    /// The connections that the loop has to look after.
    ///
    /// Their output exceeds the limit, their socket failed, or their next request waits.
    var slow: [ConnectionID] = []
    var failed: [ConnectionID] = []
    /// Detached connections with new output: the loop reports them to the handler.
    var arrived: [ConnectionID] = []
    /// The messages that connections of this turn will not get.
    ///
    /// The loop reports them to the handler.
    var drops: [DropNote] = []
    /// Waiting bytes that their readers asked for, by slot; see `allowOutput`.
    var allowances: [UInt32: Int] = [:]
    /// Answers of connections whose requests are read ahead, by slot.
    var pipelined: [UInt32: PipelinedAnswers] = [:]
    /// Of TLS connections, by their slot; nil while there has been none.
    var secureStates: UnsafeMutablePointer<UnsafeMutablePointer<SecureState>?>?
    var tlsOutput = TLSOutput()
    var carriers = Carriers()
    package internal(set) var secureCount = 0
    /// TLS connections whose handshake is not done.
    package internal(set) var handshakeCount = 0
    var handshakeTurn: UInt64 = 0
    var handshakesInTurn = 0
    /// This shard's part in the node's total, as last reported.
    var reportedBytes = 0
    /// Sockets that were full; those that still are are looked at once a second.
    var blocked: [ConnectionID] = []
    var resumed: [ConnectionID] = []
    /// Work done for the input that is being served; see `Edge+Slices`.
    var spent = 0
    /// Connections with input for the next turn.
    var aside = FIFO<ConnectionID>()
    /// The handler wants to go on with something in the next turn.
    var hasUnfinishedWork = false
    var date: HTTPDate

    package init(_ configuration: EdgeConfiguration) {
        // Nothing of `self` is read before all of it is there: Swift 6.3's optimizer would destroy what is not.
        let epoll = pharos_epoll_create()
        precondition(epoll >= 0, "no descriptor is left for epoll")
        let now = pharos_monotonic_ms()
        self.configuration = configuration
        self.epoll = epoll
        nowMs = now
        wallMs = pharos_wall_ms()
        connections = Slab(
            capacity: configuration.connectionCapacity + configuration.detachedLimit + configuration.carriedLimit)
        segments = GrowingSlab()
        pool = BlockPool()
        wheel = TimerWheel(nowMs: now)
        topics = GrowingSlab()
        nodes = GrowingSlab()
        date = HTTPDate()
        compressor = MessageCompressor(level: configuration.compressionLevel)
    }

    deinit {
        _ = pharos_close(epoll)
        secureStates?.deallocate()
    }

    // MARK: Connections

    /// Sockets open now.
    package var connectionCount: Int { connections.count - detachedCount - carriers.streamCount }

    /// Whether `id` still names an open connection.
    package func isOpen(_ id: ConnectionID) -> Bool {
        guard id.slot < UInt32(connections.highWater) else { return false }
        let entry = connections[id.slot]
        return entry.pointee.generation == id.generation && entry.pointee.phase != .free
    }

    /// The peer's address as text, without port; empty when the peer has already gone.
    package func peerAddress(_ id: ConnectionID) -> String {
        guard isOpen(id), let slot = socketSlot(id.slot) else { return "" }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            text[0] = 0
            pharos_peer_address(connections[slot].pointee.descriptor, text.baseAddress!, 64)
            return String(cString: text.baseAddress!)
        }
    }

    /// Whether what is said on the connection is encrypted.
    package func isSecure(_ id: ConnectionID) -> Bool {
        guard isOpen(id), let slot = socketSlot(id.slot) else { return false }
        return connections[slot].pointee.flags.contains(.isSecure)
    }

    /// Sets the connection's one timer, replacing an earlier one; resolution 64 ms.
    package mutating func setTimer(_ id: ConnectionID, atMs deadline: Int64) {
        guard isOpen(id) else { return }
        wheel.set(id.slot, atMs: deadline, connections)
    }

    /// No further connections are accepted; those that are open stay.
    package mutating func stopAccepting() { isAccepting = false }

    /// Calls `body` for each WebSocket and each stream.
    package func forEachOpen(_ body: (ConnectionID) -> Void) {
        forEach(body) { $0.phase == .webSocket || $0.phase == .streaming }
    }

    /// Calls `body` for each parked request.
    package func forEachParked(_ body: (ConnectionID) -> Void) {
        forEach(body) { $0.phase == .awaitingResponse && $0.flags.contains(.isKnown) }
    }

    /// Calls `body` for each detached connection.
    package func forEachDetached(_ body: (ConnectionID) -> Void) {
        forEach(body) { $0.phase == .detached }
    }

    private func forEach(_ body: (ConnectionID) -> Void, where isWanted: (Connection) -> Bool) {
        for slot in 0..<UInt32(connections.highWater) where isWanted(connections[slot].pointee) {
            body(ConnectionID(slot: slot, generation: connections[slot].pointee.generation))
        }
    }

    /// Ends the connections on which no request is under way.
    ///
    /// Those of HTTP/2 are asked to begin none, and end with their last one.
    package mutating func closeIdleRequests() {
        for slot in 0..<UInt32(connections.highWater) {
            switch connections[slot].pointee.phase {
            case .request where connections[slot].pointee.partial == nil: fail(slot)
            case .http2: drainCarrier(slot)
            default: break
            }
        }
    }

    /// Ends some idle connections to make room for new ones.
    ///
    /// Nothing has happened on them for a while, and no request is under way. So idle connections never keep a new one
    /// out.
    ///
    /// - Returns: how many were ended.
    mutating func reclaimIdle(handshakesOnly: Bool = false) -> Int {
        var count = 0
        let slots = UInt32(connections.highWater)
        for _ in 0..<slots where count < Edge.reclaimedAtOnce {
            reclaimCursor = reclaimCursor + 1 < slots ? reclaimCursor + 1 : 0
            let entry = connections[reclaimCursor]
            guard isIdle(reclaimCursor), entry.pointee.partial == nil,
                entry.pointee.firstSegment == .max, !handshakesOnly || isHandshaking(reclaimCursor),
                nowMs - entry.pointee.progress >= configuration.reclaimAfterMs
            else { continue }
            destroy(reclaimCursor)
            count += 1
        }
        counters.reclaimed += UInt64(count)
        return count
    }

    /// Whether no request is under way, as far as the phase says it.
    private func isIdle(_ slot: UInt32) -> Bool {
        switch connections[slot].pointee.phase {
        case .request: true
        case .http2: carrier(slot).pointee.streamCount == 0
        default: false
        }
    }

    private func isHandshaking(_ slot: UInt32) -> Bool {
        connections[slot].pointee.flags.contains(.isSecure) && secureState(slot).pointee.isHandshaking
    }

    private static var reclaimedAtOnce: Int { 64 }

    /// A slot for a new connection; nil when all are taken.
    mutating func admit(descriptor: Int32) -> ConnectionID? {
        guard let (slot, isReused) = connections.take(initial: Connection()) else { return nil }
        let entry = connections[slot]
        if isReused {
            let generation = entry.pointee.generation
            entry.pointee = Connection()
            entry.pointee.generation = generation
        }
        entry.pointee.generation &+= 1
        entry.pointee.descriptor = descriptor
        entry.pointee.phase = .request
        entry.pointee.progress = nowMs
        let id = ConnectionID(slot: slot, generation: entry.pointee.generation)
        wheel.set(slot, atMs: nowMs + configuration.headTimeoutMs, connections)
        return id
    }

    /// Frees everything the connection holds and its slot.
    mutating func destroy(_ slot: UInt32) {
        let entry = connections[slot]
        guard entry.pointee.phase != .free else { return }
        wheel.clear(slot, connections)
        if !entry.pointee.flags.isDisjoint(with: [.isCarried, .isCarrier]) {
            if entry.pointee.flags.contains(.isCarried) { leaveCarrier(slot) } else { freeCarrier(slot) }
        }
        releaseSegments(slot)
        if let partial = entry.pointee.partial { free(partial) }
        entry.pointee.partial = nil
        entry.pointee.reader.release()
        if entry.pointee.flags.contains(.isDetached) {
            detachedCount -= 1
        } else if entry.pointee.flags.hasSocket {
            if entry.pointee.flags.contains(.isSecure) { freeSecureState(slot) }
            _ = pharos_close(entry.pointee.descriptor)
        }
        entry.pointee.phase = .free
        if !allowances.isEmpty { allowances[slot] = nil }
        if entry.pointee.flags.contains(.readsAhead) { pipelined[slot] = nil }
        entry.pointee.flags = []
        entry.pointee.descriptor = -1
        entry.pointee.generation &+= 1
        connections.give(back: slot)
    }

    /// Ends the shard: closes all connections and frees all topics.
    ///
    /// It does so whatever the topics' subscribers.
    mutating func end() {
        for slot in 0..<UInt32(connections.highWater) { destroy(slot) }
        for topic in 0..<UInt32(topics.highWater) { freeTopic(topic) }
        dirtyTopics.removeAll()
        rollingTopics.removeAll()
        releasePrepared()
        withdrawHeld()
    }

    /// Tells epoll what the connection waits for now.
    func updateInterest(_ slot: UInt32) {
        let entry = connections[slot]
        let isRead = entry.pointee.flags.isDisjoint(with: [.isPaused, .isSetAside])
        guard entry.pointee.flags.hasSocket else { return }
        var interest: UInt32 = 0
        if isRead { interest |= PHAROS_READ }
        if entry.pointee.flags.contains(.isBlocked) { interest |= PHAROS_WRITE }
        // Bytes that a peer sent before it closed its half are still to be read.
        if !isRead, entry.pointee.phase == .webSocket || entry.pointee.phase == .http2 { interest |= PHAROS_DEAF }
        let id = ConnectionID(slot: slot, generation: entry.pointee.generation)
        _ = pharos_epoll_control(epoll, 2, entry.pointee.descriptor, interest, id.raw, 0)
    }
}
