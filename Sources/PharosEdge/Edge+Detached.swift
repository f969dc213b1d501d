package import PharosBytes

/// Detached connections: output without a socket, kept until it is asked for.
///
/// They carry long-poll sessions.
///
/// A detached connection is subscribed and sent to like any other, with `.bare`. Its output is a run of bytes whose
/// positions count from 0 at its making; it is bounded by the output limit (`becameSlow`), and `outputArrived` reports
/// when there is more of it.
extension Edge {
    /// A new detached connection; nil when as many as allowed are there.
    package mutating func makeDetached() -> ConnectionID? {
        guard detachedCount < configuration.detachedLimit, let id = admit(descriptor: -1) else { return nil }
        detachedCount += 1
        let entry = connections[id.slot]
        entry.pointee.phase = .detached
        entry.pointee.flags.formUnion([.isDetached, .isKnown])
        entry.pointee.progress = 0
        entry.pointee.needed = 0
        wheel.clear(id.slot, connections)
        return id
    }

    /// Frees a detached connection and all it kept.
    ///
    /// Like a connection that has ended, it must have been unsubscribed before.
    package mutating func closeDetached(_ id: ConnectionID) {
        guard isDetached(id) else { return }
        destroy(id.slot)
    }

    package func isDetached(_ id: ConnectionID) -> Bool {
        isOpen(id) && connections[id.slot].pointee.phase == .detached
    }

    mutating func noteArrived(_ slot: UInt32) {
        let entry = connections[slot]
        guard !entry.pointee.flags.contains(.hasArrived) else { return }
        entry.pointee.flags.insert(.hasArrived)
        arrived.append(ConnectionID(slot: slot, generation: entry.pointee.generation))
    }

    /// The position behind the last byte kept; nil: no such detached connection.
    package func outputEnd(of id: ConnectionID) -> UInt64? {
        guard isDetached(id) else { return nil }
        let entry = connections[id.slot]
        return UInt64(entry.pointee.progress) + UInt64(entry.pointee.queuedBytes)
    }

    /// The position of the first byte kept; nil: no such detached connection.
    package func outputStart(of id: ConnectionID) -> UInt64? {
        guard isDetached(id) else { return nil }
        return UInt64(connections[id.slot].pointee.progress)
    }

    /// Copies the kept output from `position` on, whole messages only.
    ///
    /// - Returns: the position behind them.
    ///
    /// A message ends with its line feed. As many as fit into `limit` bytes are copied; one that is longer by itself is
    /// copied alone, so that a reader always gets on. Nil, and nothing copied: that position is not kept (any more or yet).
    ///
    /// What was copied once is not dropped before `dropOutput` says so, whatever policy it was published with. What was
    /// not may be, and `outputEnd` goes back then.
    ///
    /// - Parameter position: 0, or what a call has returned.
    package mutating func copyOutput(
        of id: ConnectionID, from position: UInt64, limit: Int, into writer: inout ByteWriter
    ) -> UInt64? {
        guard let start = outputStart(of: id), let end = outputEnd(of: id), position >= start, position <= end else {
            return nil
        }
        var skipped = Int(position - start)
        var copied = 0
        var index = connections[id.slot].pointee.firstSegment
        while index != .max {
            let segment = segments[index].pointee
            index = segment.next
            if skipped >= Int(segment.length) {
                skipped -= Int(segment.length)
                continue
            }
            let bytes = UnsafeRawBufferPointer(
                start: segment.block.bytes + Int(segment.offset) + skipped, count: Int(segment.length) - skipped)
            skipped = 0
            // Segments begin and end between messages; only within one has the end of a message to be looked for.
            let count = Edge.wholeMessages(in: bytes, room: limit - copied, isFirst: copied == 0)
            writer.append(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            copied += count
            if count < bytes.count { break }
        }
        let next = position + UInt64(copied)
        let entry = connections[id.slot]
        entry.pointee.needed = max(entry.pointee.needed, UInt32(next - start))
        return next
    }

    /// How many bytes of `bytes` are whole messages that fit into `room`.
    ///
    /// The first message of all fits in any case.
    private static func wholeMessages(in bytes: UnsafeRawBufferPointer, room: Int, isFirst: Bool) -> Int {
        if bytes.count <= room { return bytes.count }
        var end = max(room, 0)
        while end > 0, bytes[end - 1] != 10 { end -= 1 }
        guard end == 0, isFirst else { return end }
        while end < bytes.count, bytes[end] != 10 { end += 1 }
        return min(end + 1, bytes.count)
    }

    /// Forgets what is kept before `position`: its reader has it.
    ///
    /// Positions not kept do nothing.
    package mutating func dropOutput(of id: ConnectionID, upTo position: UInt64) {
        guard let start = outputStart(of: id), let end = outputEnd(of: id), position > start, position <= end else {
            return
        }
        let entry = connections[id.slot]
        var rest = UInt32(position - start)
        entry.pointee.progress = Int64(position)
        entry.pointee.needed -= min(entry.pointee.needed, rest)
        entry.pointee.queuedBytes -= rest
        if !allowances.isEmpty, entry.pointee.queuedBytes == 0 { allowances[id.slot] = nil }
        while rest > 0 {
            let segment = segments[entry.pointee.firstSegment]
            if rest < segment.pointee.length {
                segment.pointee.offset += rest
                segment.pointee.length -= rest
                return
            }
            rest -= segment.pointee.length
            dropFirstSegment(id.slot)
        }
    }
}
