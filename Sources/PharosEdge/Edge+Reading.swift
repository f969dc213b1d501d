import CPharosSys

/// Back-pressure towards the peers: pausing of reading and of requests.
extension Edge {
    /// Bytes that may come after reading was paused: what one read has brought.
    static var pausedInputLimit: Int { 4_194_304 }

    /// Has `headReceived` called again for a request that was put off.
    ///
    /// It is called at the end of this turn; if the connection has gone meanwhile, nothing happens.
    package mutating func resumeHead(_ id: ConnectionID) {
        guard isOpen(id), connections[id.slot].pointee.phase == .awaitingDecision else { return }
        connections[id.slot].pointee.phase = .request
        wheel.set(id.slot, atMs: nowMs + configuration.headTimeoutMs, connections)
        resumed.append(id)
    }

    /// Reads nothing more from a WebSocket, so that its peer has to wait.
    ///
    /// No further message is handed on either.
    ///
    /// What has been received already is kept. The peer's pings and its close frame wait as well.
    package mutating func pauseReading(_ id: ConnectionID) {
        guard isOpen(id), connections[id.slot].pointee.phase == .webSocket else { return }
        guard !connections[id.slot].pointee.flags.contains(.isPaused) else { return }
        connections[id.slot].pointee.flags.insert(.isPaused)
        updateInterest(id.slot)
    }

    /// Goes on with what was received, in the next turn, and with reading.
    package mutating func resumeReading(_ id: ConnectionID) {
        guard isOpen(id), connections[id.slot].pointee.phase == .webSocket else { return }
        continueReading(id.slot)
    }

    mutating func continueReading(_ slot: UInt32) {
        let entry = connections[slot]
        guard entry.pointee.flags.contains(.isPaused) else { return }
        entry.pointee.flags.remove(.isPaused)
        updateInterest(slot)
        if entry.pointee.partial != nil, !entry.pointee.flags.contains(.isSetAside) { setAside(slot) }
    }

    /// Whether the output limit leaves room for a message of `count` bytes.
    package func hasRoom(_ id: ConnectionID, for count: Int) -> Bool {
        guard isOpen(id), connections[id.slot].pointee.phase.takesMessages else { return false }
        return waitingBytes(id.slot) + count + Framing.overheadLimit <= configuration.outputLimit
    }
}

extension ShardLoop where Handler: ~Copyable {
    /// Keeps frames that must wait for a paused handler.
    ///
    /// It may have paused reading in the midst of them.
    mutating func keepFrames(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        let entry = edge.connections[id.slot]
        guard let partial = entry.pointee.partial else {
            entry.pointee.partial = Partial.make(copying: UnsafeRawBufferPointer(bytes))
            return
        }
        partial.pointee.append(UnsafeRawBufferPointer(bytes))
        if partial.pointee.count > Edge.pausedInputLimit { edge.fail(id.slot) }
    }

    /// The peer has closed or vanished.
    ///
    /// What was received while reading was paused is still handed on before the end.
    mutating func peerGone(_ id: ConnectionID) {
        guard edge.isOpen(id) else { return }
        let entry = edge.connections[id.slot]
        guard entry.pointee.phase == .webSocket, entry.pointee.partial != nil else { return end(id) }
        entry.pointee.flags.insert(.endsAfterInput)
        // There is nothing more to report of this socket, and it would be reported for ever.
        if entry.pointee.flags.hasSocket { _ = pharos_epoll_control(edge.epoll, 3, entry.pointee.descriptor, 0, 0, 0) }
    }

    /// Goes on with frames that waited, for as long as reading is not paused again.
    mutating func resumeFrames(_ id: ConnectionID) {
        let entry = edge.connections[id.slot]
        guard entry.pointee.phase == .webSocket || entry.pointee.phase == .closing,
            !entry.pointee.flags.contains(.isPaused), let partial = entry.pointee.partial
        else { return }
        // Taken off the connection while its bytes are looked at: whatever ends the connection must not free them.
        entry.pointee.partial = nil
        received(id, UnsafeMutableRawBufferPointer(start: partial.pointee.bytes, count: partial.pointee.count))
        edge.free(partial)
        if edge.isOpen(id), entry.pointee.flags.contains(.isCarried) { edge.acknowledgeInput(id.slot) }
        guard edge.isOpen(id), entry.pointee.partial == nil else { return }
        if entry.pointee.flags.contains(.endsAfterInput) { end(id) }
    }
}
