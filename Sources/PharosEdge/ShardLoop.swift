import CPharosSys
package import PharosTLS

/// One shard: a thread that waits for its sockets and its mailbox.
///
/// It lets a handler decide about everything that arrives.
///
/// A turn: read what is ready, read the mailbox, fire timers, then send all output. The edge's state and the handler's are
/// separate fields, so that the handler may change the edge while the loop iterates over events.
package struct ShardLoop<Handler: EdgeHandler & ~Copyable>: ~Copyable {
    package typealias LoopMailbox = Mailbox<Handler.Mail>

    package var edge: Edge
    package var handler: Handler
    let mailbox: LoopMailbox
    let listener: Int32
    let tlsListener: Int32
    private var plaintextBuffer: UnsafeMutableRawBufferPointer?
    private let receiveBuffer: UnsafeMutableRawBufferPointer
    private var expired: [ConnectionID] = []
    var nextTickMs: Int64 = 0
    /// Accepting rests until then after the descriptors ran out; 0: it does not rest.
    private var acceptRestsUntilMs: Int64 = 0
    private var isListening: Bool

    static var listenerMark: UInt64 { .max }
    static var mailboxMark: UInt64 { .max - 1 }
    static var tlsListenerMark: UInt64 { .max - 2 }

    /// - Parameters:
    ///   - listener: a listening socket that the loop owns from now on; -1: none.
    ///   - tlsListener: the same for connections with TLS, which `EdgeConfiguration.tlsContexts` must be there for.
    package init(
        edge: consuming Edge, handler: consuming Handler, mailbox: LoopMailbox, listener: Int32, tlsListener: Int32 = -1
    ) {
        _ = pharos_epoll_control(edge.epoll, 1, mailbox.descriptor, PHAROS_READ, Self.mailboxMark, 0)
        if listener >= 0 {
            _ = pharos_epoll_control(edge.epoll, 1, listener, PHAROS_READ, Self.listenerMark, 0)
        }
        if tlsListener >= 0 {
            _ = pharos_epoll_control(edge.epoll, 1, tlsListener, PHAROS_READ, Self.tlsListenerMark, 0)
        }
        receiveBuffer = .allocate(byteCount: 262_144, alignment: 16)
        isListening = listener >= 0 || tlsListener >= 0
        self.mailbox = mailbox
        self.listener = listener
        self.tlsListener = tlsListener
        self.edge = edge
        self.handler = handler
    }

    deinit {
        if isListening { closeListeners() }
        receiveBuffer.deallocate()
        plaintextBuffer?.deallocate()
    }

    /// Runs until the handler sets `edge.isFinished`.
    ///
    /// Then closes everything and drops late mail.
    package mutating func run() {
        withUnsafeTemporaryAllocation(of: pharos_event.self, capacity: 256) { events in
            while !edge.isFinished { turn(events, waitMs: .max) }
        }
        edge.end()
        _ = mailbox.close()
    }

    /// The connection is over: calls the handler unless it knows, then frees it.
    mutating func end(_ id: ConnectionID) {
        guard edge.isOpen(id) else { return }
        tellClosed(id)
        if edge.connections[id.slot].pointee.flags.contains(.isCarrier) { endStreams(id.slot) }
        edge.destroy(id.slot)
        if acceptRestsUntilMs != 0 { resumeListening() }
    }

    mutating func tellClosed(_ id: ConnectionID) {
        let entry = edge.connections[id.slot]
        guard entry.pointee.flags.contains(.isKnown) else { return }
        entry.pointee.flags.remove(.isKnown)
        handler.connectionClosed(id, &edge)
    }

    // MARK: Accepting

    /// - Parameter context: of the TLS that the connections begin with; nil: none.
    mutating func acceptConnections(_ listener: Int32, context: TLSContext?) {
        for _ in 0..<256 {
            let descriptor = pharos_accept(listener)
            if descriptor < 0 {
                if descriptor == -pharos_emfile || descriptor == -pharos_enfile {
                    if edge.reclaimIdle() > 0 { continue }
                    restListening()
                }
                if descriptor != -pharos_eagain { edge.counters.acceptErrors += 1 }
                if descriptor == -pharos_econnaborted { continue }
                return
            }
            guard serve(descriptor: descriptor, context: context) else {
                edge.counters.acceptErrors += 1
                restListening()
                return
            }
        }
    }

    /// Begins to serve a connected, non-blocking socket.
    ///
    /// The socket belongs to the loop from now on.
    ///
    /// - Returns: false, and the socket is closed, when all slots are taken.
    @discardableResult
    package mutating func serve(descriptor: Int32, context: TLSContext? = nil) -> Bool {
        let hasPlace = edge.connectionCount < edge.configuration.connectionCapacity || edge.reclaimIdle() > 0
        guard hasPlace, let id = edge.admit(descriptor: descriptor) else {
            _ = pharos_close(descriptor)
            return false
        }
        edge.counters.accepted += 1
        if let context {
            let hasRoom =
                edge.handshakeCount < edge.configuration.handshakeLimit || edge.reclaimIdle(handshakesOnly: true) > 0
            guard hasRoom, edge.secure(id.slot, context) else {
                edge.counters.handshakesRefused += 1
                edge.destroy(id.slot)
                return true
            }
        }
        if pharos_epoll_control(edge.epoll, 1, descriptor, PHAROS_READ, id.raw, 0) < 0 { edge.destroy(id.slot) }
        return true
    }

    /// Stops listening until a descriptor is free, or a moment has passed.
    ///
    /// Without descriptors a ready listener would wake the loop for ever.
    private mutating func restListening() {
        guard isListening, acceptRestsUntilMs == 0 else { return }
        setListening(0)
        acceptRestsUntilMs = edge.nowMs + 100
    }

    private mutating func resumeListening() {
        acceptRestsUntilMs = 0
        guard isListening else { return }
        setListening(PHAROS_READ)
    }

    private func setListening(_ interest: UInt32) {
        if listener >= 0 { _ = pharos_epoll_control(edge.epoll, 2, listener, interest, Self.listenerMark, 0) }
        if tlsListener >= 0 { _ = pharos_epoll_control(edge.epoll, 2, tlsListener, interest, Self.tlsListenerMark, 0) }
    }

    mutating func stopListening() {
        guard isListening else { return }
        isListening = false
        for each in [listener, tlsListener] where each >= 0 { _ = pharos_epoll_control(edge.epoll, 3, each, 0, 0, 0) }
        closeListeners()
    }

    private func closeListeners() {
        for each in [listener, tlsListener] where each >= 0 { _ = pharos_close(each) }
    }

    // MARK: Sockets

    mutating func handle(_ event: pharos_event) {
        let id = ConnectionID(raw: event.data)
        guard edge.isOpen(id) else { return }
        if event.events & PHAROS_WRITE != 0 {
            edge.flush(id.slot)
            guard edge.isOpen(id) else { return }
        }
        if event.events & PHAROS_READ != 0 {
            receive(id)
        } else if event.events & PHAROS_HANGUP != 0 {
            peerGone(id)
        }
    }

    private mutating func receive(_ id: ConnectionID) {
        let entry = edge.connections[id.slot]
        guard !entry.pointee.flags.contains(.isSetAside) else { return }
        let isSecure = entry.pointee.flags.contains(.isSecure)
        guard !isSecure || edge.mayGoOnWithHandshake(id.slot) else { return }
        // Bytes beyond a slice are left to the socket, so that the peer waits and nothing has to be kept.
        let isSliced = entry.pointee.phase == .webSocket || entry.pointee.phase == .http2
        let room = isSliced ? min(edge.configuration.inputSlice, 65_536) : receiveBuffer.count
        let count = pharos_recv(entry.pointee.descriptor, receiveBuffer.baseAddress!, room)
        if count == -Int(pharos_eagain) { return }
        guard count > 0 else { return peerGone(id) }
        edge.counters.bytesReceived += UInt64(count)
        edge.beginSlice()
        let bytes = UnsafeMutableRawBufferPointer(rebasing: receiveBuffer[..<count])
        if isSecure { receivedSecurely(id, bytes) } else { received(id, bytes) }
    }

    /// Room for all that one read can be decrypted to.
    mutating func plaintextRoom() -> UnsafeMutableRawBufferPointer {
        if let plaintextBuffer { return plaintextBuffer }
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: receiveBuffer.count + TLSSession.recordSize, alignment: 16)
        plaintextBuffer = room
        return room
    }

    /// Takes bytes from the peer, decrypted where that is needed.
    ///
    /// They may be changed in place.
    mutating func received(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        switch edge.connections[id.slot].pointee.phase {
        case .webSocket: receivedFrames(id, bytes)
        case .request: receivedRequest(id, bytes)
        case .awaitingDecision: keep(id, UnsafeRawBufferPointer(bytes))
        case .awaitingResponse: receivedAhead(id, UnsafeRawBufferPointer(bytes))
        case .streaming: edge.ignoreInput(id.slot, bytes.count)
        case .closing: discardWhileClosing(id, bytes)
        case .http2: receivedHTTP2(id, bytes)
        case .detached, .free: break
        }
    }

    // MARK: Mail and timers

    mutating func readMail() {
        pharos_clear_wake(mailbox.descriptor)
        for mail in mailbox.take() {
            edge.beginSlice()
            handler.mailReceived(mail, &edge)
        }
    }

    mutating func fireTimers() {
        if acceptRestsUntilMs != 0, edge.nowMs >= acceptRestsUntilMs { resumeListening() }
        edge.wheel.advance(toMs: edge.nowMs, edge.connections, expired: &expired)
        var index = 0
        while index < expired.count {
            let id = expired[index]
            index += 1
            guard edge.isOpen(id) else { continue }
            switch edge.connections[id.slot].pointee.phase {
            case .webSocket, .streaming, .detached: handler.timerFired(id, &edge)
            case .closing: end(id)
            case .http2: edge.carrierTimedOut(id.slot)
            case .request: requestTimedOut(id)
            case .awaitingDecision: decisionTimedOut(id)
            case .awaitingResponse:
                // Only a parked request's timer is the handler's; another one was for the request to arrive.
                if edge.connections[id.slot].pointee.flags.contains(.isKnown) { handler.timerFired(id, &edge) }
            case .free: break
            }
        }
        expired.removeAll(keepingCapacity: true)
        if edge.nowMs >= nextTickMs {
            nextTickMs = edge.nowMs + edge.configuration.tickIntervalMs
            for id in edge.takeStuck() where edge.isOpen(id) { handler.writeTimedOut(id, &edge) }
            handler.ticked(&edge)
        }
    }
}
