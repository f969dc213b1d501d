import CPharosSys
import PharosBytes

/// A connection's waiting output: segments of blocks, its own or shared.
extension Edge {
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
    mutating func tailBlock(_ slot: UInt32, room: Int) -> BlockPointer {
        let entry = connections[slot]
        let last = entry.pointee.lastSegment
        if last != .max {
            let segment = segments[last].pointee
            if segment.tag.topic == .max, segment.block.pointee.references == 1, segment.block.room >= room,
                segment.offset + segment.length == segment.block.pointee.count
            {
                return segment.block
            }
        }
        let block = pool.take(capacity: room)
        link(slot, Segment(block: block, offset: 0, length: 0, next: .max))
        return block
    }

    mutating func grew(_ slot: UInt32, by count: Int) {
        let entry = connections[slot]
        segments[entry.pointee.lastSegment].pointee.length += UInt32(count)
        entry.pointee.queuedBytes += UInt32(count)
        markDirty(slot)
    }

    /// Adds a shared block from `offset` to its end to a connection's output.
    ///
    /// The block gains a reference.
    mutating func enqueue(_ slot: UInt32, _ block: BlockPointer, offset: Int) {
        enqueue(slot, block, offset: offset, length: Int(block.pointee.count) - offset)
    }

    mutating func enqueue(
        _ slot: UInt32, _ block: BlockPointer, offset: Int, length: Int, _ tag: MessageTag = MessageTag()
    ) {
        guard length > 0 else { return }
        pool.retain(block)
        let length = UInt32(length)
        link(slot, Segment(block: block, offset: UInt32(offset), length: length, next: .max, tag: tag))
        if tag.topic != .max { connections[slot].pointee.flags.insert(.hasTagged) }
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

    // MARK: Dropping

    /// Throws away output that has not begun to leave.
    ///
    /// The rest ends at a message's end.
    mutating func dropWaitingOutput(_ slot: UInt32) {
        let entry = connections[slot]
        guard entry.pointee.firstSegment != .max else { return }
        let first = segments[entry.pointee.firstSegment]
        var index = first.pointee.next
        // A segment of which nothing has left begins with a whole frame and can go; one begun must be finished, and
        // without the head of an answer nothing behind it could be read.
        let isBegun = !entry.pointee.flags.isDisjoint(with: [.isBlocked, .beginsWithHead])
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

    /// Takes out a segment that stands behind `previous`; .max: it is the first.
    mutating func remove(_ slot: UInt32, _ index: UInt32, after previous: UInt32) {
        guard previous != .max else {
            connections[slot].pointee.queuedBytes -= segments[index].pointee.length
            return dropFirstSegment(slot)
        }
        let entry = connections[slot]
        let segment = segments[index].pointee
        segments[previous].pointee.next = segment.next
        if segment.next == .max { entry.pointee.lastSegment = previous }
        entry.pointee.queuedBytes -= segment.length
        pool.release(segment.block)
        segments.give(back: index)
    }

    mutating func dropFirstSegment(_ slot: UInt32) {
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
