package import PharosBytes

/// WebSockets: single messages and the end.
///
/// Streams and detached connections are sent to in the same way.
extension Edge {
    /// Frame opcodes that the edge itself sends (RFC 6455, section 5.2).
    enum Opcode: UInt8 {
        case text = 1, binary = 2, close = 8, ping = 9, pong = 10
    }

    /// Sends one message at the end of this turn, after all that was sent before.
    ///
    /// For WebSockets, streams and detached connections; for others it does nothing. Text and binary messages are
    /// compressed if that was agreed on and they are long enough to gain by it.
    package mutating func send(_ id: ConnectionID, _ framing: Framing, _ payload: UnsafeRawBufferPointer) {
        guard isOpen(id), connections[id.slot].pointee.phase.takesMessages else { return }
        guard framing != .chunk || !payload.isEmpty else { return }
        guard connections[id.slot].pointee.compression == 0 || !sendCompressed(id, framing, payload) else { return }
        append(id, framing, payload)
    }

    /// Puts one message, framed, into the output of a connection that takes messages.
    mutating func append(_ id: ConnectionID, _ framing: Framing, _ payload: UnsafeRawBufferPointer) {
        let framing = framing == .chunk && isUnchunked(id) ? .bare : framing
        let size = framing.size(for: payload.count)
        guard size > 0 else { return }
        tailBlock(id.slot, room: size).append(framing, payload)
        grew(id.slot, by: size)
        counters.messagesSent += 1
    }

    package mutating func send(_ id: ConnectionID, _ framing: Framing, _ payload: borrowing ByteWriter) {
        payload.withBytes { send(id, framing, $0) }
    }

    /// Sends a close frame and ends the connection.
    ///
    /// It ends as soon as the peer has answered, or after the close timeout.
    ///
    /// The handler is not called for this connection any more. `dropsQueue` throws away waiting output, so that the frame can leave
    /// although the peer reads slowly; a frame already begun is finished.
    package mutating func closeWebSocket(
        _ id: ConnectionID, code: UInt16, reason: String, dropsQueue: Bool = false
    ) {
        guard isOpen(id), connections[id.slot].pointee.phase == .webSocket else { return }
        if dropsQueue { dropWaitingOutput(id.slot) }
        var frame = ByteWriter(capacity: 132)
        FrameWriter.appendClose(code: code, reason: reason, into: &frame)
        frame.withBytes { append(id.slot, $0) }
        beginClosing(id.slot, dropsQueue: dropsQueue)
    }

    /// Begins to close a connection whose last bytes are in the queue.
    ///
    /// From here on the handler is not called for it any more.
    mutating func beginClosing(_ slot: UInt32, dropsQueue: Bool) {
        let entry = connections[slot]
        entry.pointee.phase = .closing
        entry.pointee.flags.remove(.isKnown)
        // The peer's close frame stands behind what was not read.
        continueReading(slot)
        if entry.pointee.flags.contains(.isCarried) { markDirty(slot) }
        let timeout = dropsQueue ? configuration.writeTimeoutMs : configuration.closeTimeoutMs
        wheel.set(slot, atMs: nowMs + timeout, connections)
    }

    /// Ends a connection at the end of this turn, without a further byte.
    ///
    /// The handler is not called for it any more.
    package mutating func abort(_ id: ConnectionID) {
        guard isOpen(id) else { return }
        connections[id.slot].pointee.flags.remove(.isKnown)
        fail(id.slot)
    }

    /// Whether output of the connection is not sent or not fetched yet.
    ///
    /// Sent is what the operating system has taken.
    package func hasUnsentOutput(_ id: ConnectionID) -> Bool {
        guard isOpen(id) else { return false }
        return pendingBytes(id.slot) > 0 || connections[id.slot].pointee.queuedBytes > 0
            || connections[id.slot].pointee.firstSegment != .max
    }
}
