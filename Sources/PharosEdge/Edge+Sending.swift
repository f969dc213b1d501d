import CPharosSys

/// The end of a turn: from the connections' queues to their sockets.
extension Edge {
    /// Sends all output that waits.
    ///
    /// One system call per connection, unless the socket is full.
    mutating func flushDirty() {
        var index = 0
        while index < dirty.count {
            let slot = dirty[index]
            index += 1
            let entry = connections[slot]
            guard entry.pointee.flags.contains(.isDirty), entry.pointee.phase != .free else { continue }
            entry.pointee.flags.remove(.isDirty)
            if !entry.pointee.flags.hasSocket {
                leaveWithoutSocket(slot)
            } else if !entry.pointee.flags.contains(.isBlocked) {
                flush(slot)
            } else {
                checkLimit(slot)
            }
        }
        dirty.removeAll(keepingCapacity: true)
        if !carriers.dirty.isEmpty { pumpCarriers() }
    }

    private mutating func leaveWithoutSocket(_ slot: UInt32) {
        guard connections[slot].pointee.flags.contains(.isDetached) else { return noteCarried(slot) }
        noteArrived(slot)
        checkLimit(slot)
    }

    /// Sends as much of one connection's output as the socket takes.
    mutating func flush(_ slot: UInt32) {
        let entry = connections[slot]
        if entry.pointee.flags.contains(.isSecure) { return flushSecurely(slot) }
        while entry.pointee.firstSegment != .max {
            let outcome = sendSegments(slot)
            if outcome >= 0 {
                entry.pointee.progress = nowMs
                continue
            }
            if outcome == -Int(pharos_eagain) {
                block(slot)
                checkLimit(slot)
            } else {
                fail(slot)
            }
            return
        }
        allSent(slot)
    }

    /// The socket has taken all output of a connection.
    @inline(__always)
    mutating func allSent(_ slot: UInt32) {
        let entry = connections[slot]
        entry.pointee.flags.subtract([.beginsWithHead, .hasTagged])
        if !allowances.isEmpty { allowances[slot] = nil }
        if entry.pointee.flags.contains(.isBlocked) {
            entry.pointee.flags.remove(.isBlocked)
            updateInterest(slot)
            if entry.pointee.phase == .http2 { markCarrier(slot) }
        }
        if entry.pointee.phase == .closing { lastBytesSent(slot) }
    }

    /// The socket is full: output waits until it is not.
    mutating func block(_ slot: UInt32) {
        let entry = connections[slot]
        guard !entry.pointee.flags.contains(.isBlocked) else { return }
        entry.pointee.flags.insert(.isBlocked)
        entry.pointee.progress = nowMs
        blocked.append(ConnectionID(slot: slot, generation: entry.pointee.generation))
        updateInterest(slot)
        keepNewest(slot)
    }

    mutating func lastBytesSent(_ slot: UInt32) {
        let entry = connections[slot]
        guard entry.pointee.flags.hasSocket else { return }
        if entry.pointee.flags.contains(.isSecure) { closeSecurely(slot) }
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
                segment.pointee.tag.traits.insert(.hasBegun)
                entry.pointee.queuedBytes -= UInt32(sent)
                break
            }
            sent -= Int(segment.pointee.length)
            entry.pointee.queuedBytes -= segment.pointee.length
            dropFirstSegment(slot)
        }
        return result
    }

    /// Takes the connections whose socket has taken nothing for too long.
    ///
    /// Output waited for the whole write timeout. To be called about once a second.
    mutating func takeStuck() -> [ConnectionID] {
        var stuck: [ConnectionID] = []
        var waiting: [ConnectionID] = []
        for id in blocked {
            guard isOpen(id), connections[id.slot].pointee.flags.contains(.isBlocked) else { continue }
            let hasStopped = nowMs - connections[id.slot].pointee.progress >= configuration.writeTimeoutMs
            if hasStopped, connections[id.slot].pointee.phase.takesMessages {
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
}
