import CPharosSys
package import PharosBytes

extension Edge {
    /// Frame opcodes that handlers send (RFC 6455, section 5.2).
    package enum Opcode: UInt8 {
        case text = 1, binary = 2, close = 8, ping = 9, pong = 10
    }

    /// Sends one WebSocket message at the end of this turn, after all that was sent before.
    package mutating func send(_ id: ConnectionID, _ opcode: Opcode, _ payload: UnsafeRawBufferPointer) {
        guard isOpen(id), connections[id.slot].pointee.phase == .webSocket else { return }
        appendFrame(id.slot, opcode, payload)
        counters.messagesSent += 1
    }

    package mutating func send(_ id: ConnectionID, _ opcode: Opcode, _ payload: borrowing ByteWriter) {
        payload.withBytes { send(id, opcode, $0) }
    }

    /// Sends a close frame and ends the connection: as soon as the peer has answered, or after the close timeout.
    ///
    /// The handler hears no more of this connection. `dropsQueue` throws away waiting output, so that the frame can leave
    /// although the peer reads slowly; a frame already begun is finished.
    package mutating func closeWebSocket(
        _ id: ConnectionID, code: UInt16, reason: String, dropsQueue: Bool = false
    ) {
        guard isOpen(id), connections[id.slot].pointee.phase == .webSocket else { return }
        let entry = connections[id.slot]
        if dropsQueue { dropWaitingOutput(id.slot) }
        var frame = ByteWriter(capacity: 132)
        FrameWriter.appendClose(code: code, reason: reason, into: &frame)
        frame.withBytes { append(id.slot, $0) }
        entry.pointee.phase = .closing
        entry.pointee.flags.remove(.isKnown)
        let timeout = dropsQueue ? configuration.writeTimeoutMs : configuration.closeTimeoutMs
        wheel.set(id.slot, atMs: nowMs + timeout, connections)
    }

    /// Answers the request that `requestReceived` brought.
    package mutating func respond(_ id: ConnectionID, status: Int, body: UnsafeRawBufferPointer) {
        guard isOpen(id), connections[id.slot].pointee.phase == .awaitingResponse else { return }
        let entry = connections[id.slot]
        let closes = entry.pointee.flags.contains(.closesWhenSent)
        appendResponse(id.slot, status: status, body: body, closes: closes)
        if closes {
            entry.pointee.phase = .closing
            wheel.set(id.slot, atMs: nowMs + configuration.closeTimeoutMs, connections)
        } else {
            entry.pointee.phase = .request
            wheel.set(id.slot, atMs: nowMs + configuration.keepAliveMs, connections)
            if entry.pointee.partial != nil || entry.pointee.flags.contains(.isPaused) { resumed.append(id) }
        }
    }

    // MARK: Appending

    mutating func appendResponse(_ slot: UInt32, status: Int, body: UnsafeRawBufferPointer, closes: Bool) {
        var head = ByteWriter(capacity: 256)
        head.append("HTTP/1.1 ")
        head.append(HTTPStatus.line(status))
        head.append("\r\nContent-Type: application/json\r\nContent-Length: ")
        head.appendDecimal(body.count)
        head.append("\r\nDate: ")
        date.append(wallMs: wallMs, into: &head)
        if closes { head.append("\r\nConnection: close") }
        if status == 426 { head.append("\r\nSec-WebSocket-Version: 13") }
        if status == 503 || status == 429 { head.append("\r\nRetry-After: 1") }
        head.append("\r\n\r\n")
        head.append(body)
        head.withBytes { append(slot, $0) }
    }

    mutating func appendFrame(_ slot: UInt32, _ opcode: Opcode, _ payload: UnsafeRawBufferPointer) {
        let room = FrameWriter.headerSize(for: payload.count) + payload.count
        let block = tailBlock(slot, room: room)
        let size = FrameWriter.writeHeader(
            opcode: opcode.rawValue, length: payload.count, to: block.bytes + Int(block.pointee.count))
        block.pointee.count += UInt32(size)
        block.append(payload)
        grew(slot, by: room)
    }

    mutating func append(_ slot: UInt32, _ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        tailBlock(slot, room: bytes.count).append(bytes)
        grew(slot, by: bytes.count)
    }

    /// A block at the end of the connection's output that is its alone and has `room`.
    private mutating func tailBlock(_ slot: UInt32, room: Int) -> BlockPointer {
        let entry = connections[slot]
        let last = entry.pointee.lastSegment
        if last != .max {
            let segment = segments[last].pointee
            if segment.block.pointee.references == 1, segment.block.room >= room,
                segment.offset + segment.length == segment.block.pointee.count
            {
                return segment.block
            }
        }
        let block = pool.take(capacity: room)
        link(slot, Segment(block: block, offset: 0, length: 0, next: .max))
        return block
    }

    private mutating func grew(_ slot: UInt32, by count: Int) {
        let entry = connections[slot]
        segments[entry.pointee.lastSegment].pointee.length += UInt32(count)
        entry.pointee.queuedBytes += UInt32(count)
        markDirty(slot)
    }

    /// Adds a part of a shared block to the connection's output; the block gains a reference.
    mutating func enqueue(_ slot: UInt32, _ block: BlockPointer, offset: Int) {
        pool.retain(block)
        let length = block.pointee.count - UInt32(offset)
        link(slot, Segment(block: block, offset: UInt32(offset), length: length, next: .max))
        connections[slot].pointee.queuedBytes += length
        markDirty(slot)
    }

    private mutating func link(_ slot: UInt32, _ segment: Segment) {
        let index = segments.take(segment)
        let entry = connections[slot]
        if entry.pointee.lastSegment == .max {
            entry.pointee.firstSegment = index
        } else {
            segments[entry.pointee.lastSegment].pointee.next = index
        }
        entry.pointee.lastSegment = index
    }

    mutating func markDirty(_ slot: UInt32) {
        let entry = connections[slot]
        guard !entry.pointee.flags.contains(.isDirty) else { return }
        entry.pointee.flags.insert(.isDirty)
        dirty.append(slot)
    }

    // MARK: Sending

    /// Sends all output of this turn: one system call per connection, unless the socket is full.
    mutating func flushOutput() {
        deliverTopics()
        var index = 0
        while index < dirty.count {
            let slot = dirty[index]
            index += 1
            let entry = connections[slot]
            guard entry.pointee.flags.contains(.isDirty), entry.pointee.phase != .free else { continue }
            entry.pointee.flags.remove(.isDirty)
            if !entry.pointee.flags.contains(.isBlocked) { flush(slot) } else { checkLimit(slot) }
        }
        dirty.removeAll(keepingCapacity: true)
    }

    /// Sends as much of one connection's output as the socket takes.
    mutating func flush(_ slot: UInt32) {
        let entry = connections[slot]
        if entry.pointee.flags.contains(.isSink) { return flushSink(slot) }
        while entry.pointee.firstSegment != .max {
            let outcome = sendSegments(slot)
            if outcome >= 0 {
                entry.pointee.progressMs = nowMs
                continue
            }
            if outcome == -Int(pharos_eagain) {
                if !entry.pointee.flags.contains(.isBlocked) {
                    entry.pointee.flags.insert(.isBlocked)
                    entry.pointee.progressMs = nowMs
                    blocked.append(ConnectionID(slot: slot, generation: entry.pointee.generation))
                    updateInterest(slot)
                }
                checkLimit(slot)
            } else {
                fail(slot)
            }
            return
        }
        if entry.pointee.flags.contains(.isBlocked) {
            entry.pointee.flags.remove(.isBlocked)
            updateInterest(slot)
        }
        if entry.pointee.phase == .closing { lastBytesSent(slot) }
    }

    private mutating func lastBytesSent(_ slot: UInt32) {
        let entry = connections[slot]
        if entry.pointee.flags.contains(.closesWhenSent) {
            fail(slot)
        } else if entry.pointee.flags.contains(.lingers) {
            _ = pharos_shutdown_write(entry.pointee.descriptor)
        }
    }

    /// One `sendmsg` of up to 64 segments; the bytes sent, or -errno.
    private mutating func sendSegments(_ slot: UInt32) -> Int {
        let entry = connections[slot]
        let first = segments[entry.pointee.firstSegment].pointee
        var sent: Int
        if first.next == .max {
            sent = pharos_send(
                entry.pointee.descriptor, first.block.bytes + Int(first.offset), Int(first.length), 0)
        } else {
            sent = withUnsafeTemporaryAllocation(of: pharos_slice.self, capacity: 64) { slices in
                var count = 0
                var index = entry.pointee.firstSegment
                while index != .max, count < 64 {
                    let segment = segments[index].pointee
                    slices[count] = pharos_slice(
                        base: segment.block.bytes + Int(segment.offset), length: Int(segment.length))
                    count += 1
                    index = segment.next
                }
                return pharos_send_slices(entry.pointee.descriptor, slices.baseAddress!, Int32(count))
            }
        }
        guard sent >= 0 else { return sent }
        counters.sends += 1
        counters.bytesSent += UInt64(sent)
        let result = sent
        while sent > 0 {
            let index = entry.pointee.firstSegment
            let segment = segments[index]
            if sent < Int(segment.pointee.length) {
                segment.pointee.offset += UInt32(sent)
                segment.pointee.length -= UInt32(sent)
                entry.pointee.queuedBytes -= UInt32(sent)
                break
            }
            sent -= Int(segment.pointee.length)
            entry.pointee.queuedBytes -= segment.pointee.length
            dropFirstSegment(slot)
        }
        return result
    }

    /// Gives a sink all output at once; it is the sink that waits for the peer.
    private mutating func flushSink(_ slot: UInt32) {
        let entry = connections[slot]
        guard let sink = sinks[slot]?.sink else { return }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(entry.pointee.queuedBytes))
        while entry.pointee.firstSegment != .max {
            let segment = segments[entry.pointee.firstSegment].pointee
            bytes.append(
                contentsOf: UnsafeBufferPointer(
                    start: segment.block.bytes + Int(segment.offset), count: Int(segment.length)))
            dropFirstSegment(slot)
        }
        entry.pointee.queuedBytes = 0
        if !bytes.isEmpty {
            counters.sends += 1
            counters.bytesSent += UInt64(bytes.count)
            sink.write(bytes)
        }
        if sink.unsentBytes > configuration.outputLimit { markSlow(slot) }
        // Behind a sink there is no half to close: it sends what it has, then ends.
        let isOver = !entry.pointee.flags.isDisjoint(with: [.closesWhenSent, .lingers])
        if entry.pointee.phase == .closing, isOver { fail(slot) }
    }

    private mutating func checkLimit(_ slot: UInt32) {
        if Int(connections[slot].pointee.queuedBytes) > configuration.outputLimit { markSlow(slot) }
    }

    private mutating func markSlow(_ slot: UInt32) {
        let entry = connections[slot]
        guard !entry.pointee.flags.contains(.isSlow), entry.pointee.flags.contains(.isKnown) else { return }
        entry.pointee.flags.insert(.isSlow)
        slow.append(ConnectionID(slot: slot, generation: entry.pointee.generation))
    }

    /// Connections whose socket has taken nothing for the write timeout although output waits; call about once a second.
    mutating func takeStuck() -> [ConnectionID] {
        var stuck: [ConnectionID] = []
        var waiting: [ConnectionID] = []
        for id in blocked {
            guard isOpen(id), connections[id.slot].pointee.flags.contains(.isBlocked) else { continue }
            let hasStopped = nowMs - connections[id.slot].pointee.progressMs >= configuration.writeTimeoutMs
            if hasStopped, connections[id.slot].pointee.flags.contains(.isKnown) {
                stuck.append(id)
            } else {
                waiting.append(id)
            }
        }
        blocked = waiting
        return stuck
    }

    /// Puts the connection on the list of those that the loop ends after sending.
    mutating func fail(_ slot: UInt32) {
        failed.append(ConnectionID(slot: slot, generation: connections[slot].pointee.generation))
    }

    /// Throws away output that has not begun to leave; what is left ends at a frame's end.
    private mutating func dropWaitingOutput(_ slot: UInt32) {
        let entry = connections[slot]
        guard entry.pointee.firstSegment != .max else { return }
        let first = segments[entry.pointee.firstSegment]
        var index = first.pointee.next
        // A segment of which nothing has left begins with a whole frame and can go; one begun must be finished.
        let isBegun = entry.pointee.flags.contains(.isBlocked)
        if !isBegun {
            releaseSegments(slot)
            return
        }
        first.pointee.next = .max
        entry.pointee.lastSegment = entry.pointee.firstSegment
        entry.pointee.queuedBytes = first.pointee.length
        while index != .max {
            let next = segments[index].pointee.next
            pool.release(segments[index].pointee.block)
            segments.give(back: index)
            index = next
        }
    }

    private mutating func dropFirstSegment(_ slot: UInt32) {
        let entry = connections[slot]
        let index = entry.pointee.firstSegment
        let segment = segments[index].pointee
        entry.pointee.firstSegment = segment.next
        if segment.next == .max { entry.pointee.lastSegment = .max }
        pool.release(segment.block)
        segments.give(back: index)
    }

    mutating func releaseSegments(_ slot: UInt32) {
        while connections[slot].pointee.firstSegment != .max { dropFirstSegment(slot) }
        connections[slot].pointee.queuedBytes = 0
    }
}
