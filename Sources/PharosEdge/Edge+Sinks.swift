/// Connections that a sink carries: it takes everything, so it must be asked how much of that has left.
extension Edge {
    /// Milliseconds after which sinks with output held back are asked again: they do not tell.
    static var heldSinkMs: Int64 { 20 }

    /// Bytes unsent at a sink from which on output is held back here, if some of it could be dropped or replaced.
    private var sinkLimit: Int { min(65_536, configuration.outputLimit / 4) }

    /// Gives a sink all output at once; it is the sink that waits for the peer.
    mutating func flushSink(_ slot: UInt32) {
        let entry = connections[slot]
        guard let sink = sinks[slot]?.sink else { return }
        var room = Int.max
        if entry.pointee.flags.contains(.hasTagged), entry.pointee.phase.takesMessages {
            room = sinkLimit - sink.unsentBytes
        }
        let bytes = takeBytes(slot, room: room)
        if !bytes.isEmpty {
            counters.sends += 1
            counters.bytesSent += UInt64(bytes.count)
            entry.pointee.flags.remove(.beginsWithHead)
            sink.write(bytes)
        }
        noteUnsent(slot)
        if entry.pointee.firstSegment != .max {
            holdBack(slot)
        } else {
            entry.pointee.flags.subtract([.hasTagged, .isBlocked])
        }
        checkLimit(slot)
        // Behind a sink there is no half to close: it sends what it has, then ends.
        let isOver = !entry.pointee.flags.isDisjoint(with: [.closesWhenSent, .lingers])
        if entry.pointee.phase == .closing, isOver { fail(slot) }
    }

    /// Takes segments off the front of the queue as long as there is room; the last one may go beyond.
    private mutating func takeBytes(_ slot: UInt32, room: Int) -> [UInt8] {
        let entry = connections[slot]
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(Int(entry.pointee.queuedBytes), max(room, 0)))
        while entry.pointee.firstSegment != .max, bytes.count < room {
            let segment = segments[entry.pointee.firstSegment].pointee
            bytes.append(
                contentsOf: UnsafeBufferPointer(
                    start: segment.block.bytes + Int(segment.offset), count: Int(segment.length)))
            entry.pointee.queuedBytes -= segment.length
            dropFirstSegment(slot)
        }
        return bytes
    }

    private mutating func holdBack(_ slot: UInt32) {
        let entry = connections[slot]
        guard !entry.pointee.flags.contains(.isBlocked) else { return }
        entry.pointee.flags.insert(.isBlocked)
        entry.pointee.progress = nowMs
        let id = ConnectionID(slot: slot, generation: entry.pointee.generation)
        blocked.append(id)
        heldSinks.append(id)
        keepNewest(slot)
    }

    /// Goes on with the sinks that have got on, or that are to end.
    mutating func retryHeldSinks() {
        guard !heldSinks.isEmpty else { return }
        var held: [ConnectionID] = []
        swap(&held, &heldSinks)
        for id in held {
            guard isOpen(id), connections[id.slot].pointee.flags.contains(.isBlocked) else { continue }
            let entry = connections[id.slot]
            let before = sinks[id.slot]?.unsent ?? 0
            let unsent = noteUnsent(id.slot)
            if unsent < before { entry.pointee.progress = nowMs }
            if unsent > sinkLimit / 2, entry.pointee.phase.takesMessages {
                heldSinks.append(id)
            } else {
                entry.pointee.flags.remove(.isBlocked)
                markDirty(id.slot)
            }
        }
    }

    /// Looks at what all sinks still have; call about once a second.
    mutating func noteUnsentBytes() {
        for slot in Array(sinks.keys) { noteUnsent(slot) }
    }

    @discardableResult
    private mutating func noteUnsent(_ slot: UInt32) -> Int {
        guard let entry = sinks[slot] else { return 0 }
        let unsent = entry.sink.unsentBytes
        sinkBytes += unsent - entry.unsent
        sinks[slot]?.unsent = unsent
        return unsent
    }
}
