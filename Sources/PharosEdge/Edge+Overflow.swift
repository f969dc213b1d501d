/// Output that a connection is too slow for.
///
/// Some of it is dropped or replaced, and the handler is called for that.
extension Edge {
    /// How many waiting segments are searched for one to replace.
    ///
    /// Behind them it is as if there were none.
    static var conflationReach: Int { 4_096 }

    /// Adds a lane's pending messages to a connection's output.
    ///
    /// A message that replaces a waiting one takes its position there.
    ///
    /// - Parameter given: bytes of the block that the connection has had already; only where nothing is ever dropped.
    mutating func enqueue(
        _ slot: UInt32, _ topic: UInt32, _ lane: Lane, _ block: BlockPointer, given: UInt32
    ) {
        guard !lane.traits.isEmpty else { return enqueue(slot, block, offset: Int(given)) }
        let entry = connections[slot]
        var tag = lane.tag(topic)
        var offset = 0
        // Readers that keep up get everything, as do those whose output of this turn has not met the socket yet.
        if tag.traits.contains(.isReplaceable), !entry.pointee.flags.isDisjoint(with: [.isBlocked, .isDetached]) {
            var replaced = removeReplaced(slot, topic, key: tag.key)
            if tag.count > 1 {
                replaced += Int(tag.count) - 1
                offset = Int(lane.lastStart)
                tag.count = 1
            }
            if replaced > 0 { noteDropped(slot, topic, replaced: replaced) }
        }
        enqueue(slot, block, offset: offset, length: Int(block.pointee.count) - offset, tag)
    }

    /// Takes out the message that a newer one of the same topic and key replaces.
    ///
    /// - Returns: how many messages that were.
    ///
    /// The newer one goes to the end of the queue: at the old position it would overtake others of its topic.
    private mutating func removeReplaced(_ slot: UInt32, _ topic: UInt32, key: UInt32) -> Int {
        guard connections[slot].pointee.flags.contains(.hasTagged) else { return 0 }
        var walk = QueueWalk(connections[slot].pointee)
        var steps = 0
        while walk.index != .max, steps < Edge.conflationReach {
            steps += 1
            let segment = segments[walk.index].pointee
            if segment.tag.topic == topic, segment.tag.key == key, segment.tag.traits.contains(.isReplaceable),
                walk.mayRemove(segment)
            {
                remove(slot, walk.index, after: walk.previous)
                return Int(segment.tag.count)
            }
            walk.pass(segment)
        }
        return 0
    }

    /// Drops messages that may be dropped, oldest first.
    ///
    /// It stops when at most `target` bytes wait, or when none are left to drop.
    ///
    /// - Parameter sparing: a segment that stays; `.max`: none.
    mutating func shed(_ slot: UInt32, to target: Int, sparing spared: UInt32 = .max) {
        let entry = connections[slot]
        guard entry.pointee.flags.contains(.hasTagged) else { return }
        var walk = QueueWalk(entry.pointee)
        while walk.index != .max, waitingBytes(slot) > target {
            let segment = segments[walk.index].pointee
            if segment.tag.traits.contains(.isDroppable), walk.index != spared, walk.mayRemove(segment) {
                noteDropped(slot, segment.tag.topic, dropped: Int(segment.tag.count))
                remove(slot, walk.index, after: walk.previous)
                walk.index = segment.next
            } else {
                walk.pass(segment)
            }
        }
    }

    /// The newest waiting segment that may be dropped; `.max`: there is none.
    private func newestDroppable(_ slot: UInt32) -> UInt32 {
        guard connections[slot].pointee.flags.contains(.hasTagged) else { return .max }
        var newest = UInt32.max
        var index = connections[slot].pointee.firstSegment
        while index != .max {
            if segments[index].pointee.tag.traits.contains(.isDroppable) { newest = index }
            index = segments[index].pointee.next
        }
        return newest
    }

    /// Bytes that wait for a connection's peer, encrypted or not.
    func waitingBytes(_ slot: UInt32) -> Int {
        Int(connections[slot].pointee.queuedBytes) + pendingBytes(slot)
    }

    /// Applies the limit of one connection's output.
    mutating func checkLimit(_ slot: UInt32) {
        let waiting = waitingBytes(slot)
        guard waiting > configuration.outputLimit else {
            if !allowances.isEmpty { allowances[slot] = nil }
            return
        }
        var limit = configuration.outputLimit
        if !allowances.isEmpty, let allowed = allowances[slot] {
            // The part of it that has been taken is allowed no longer.
            allowances[slot] = min(allowed, waiting)
            limit += allowances[slot]!
            guard waiting > limit else { return }
        }
        // What cannot be dropped may fill more than half of the limit by itself. The newest stays as long as it fits.
        shed(slot, to: limit - configuration.outputLimit / 2, sparing: newestDroppable(slot))
        if waitingBytes(slot) > limit { shed(slot, to: limit) }
        if waitingBytes(slot) > limit { keepNewest(slot) }
        if waitingBytes(slot) > limit { markSlow(slot) }
    }

    /// Makes room for an answer that the client asked for.
    ///
    /// However long it is, it does not make its reader a slow one: until all has been taken, the answer and the limit
    /// together may wait.
    ///
    /// - Parameter count: bytes of the answer; nil: all that waits is one. Had the limit been exceeded without it, nothing more
    ///   is allowed: so a client that asks and does not read has at most one answer more than twice the limit.
    package mutating func allowOutput(_ id: ConnectionID, count: Int? = nil) {
        guard isOpen(id) else { return }
        let waiting = waitingBytes(id.slot)
        guard waiting - (count ?? waiting) <= configuration.outputLimit else { return }
        allowances[id.slot] = waiting
    }

    /// Takes out what a newer waiting message of the same topic and key replaces.
    ///
    /// What was queued before it was known that the socket is full has replaced nothing.
    mutating func keepNewest(_ slot: UInt32) {
        struct Subject: Hashable {
            var topic: UInt32
            var key: UInt32
        }
        guard connections[slot].pointee.flags.contains(.hasTagged) else { return }
        var newest: [Subject: UInt32] = [:]
        var index = connections[slot].pointee.firstSegment
        while index != .max {
            let segment = segments[index].pointee
            if segment.tag.traits.contains(.isReplaceable) {
                newest[Subject(topic: segment.tag.topic, key: segment.tag.key)] = index
            }
            index = segment.next
        }
        var walk = QueueWalk(connections[slot].pointee)
        while walk.index != .max {
            let segment = segments[walk.index].pointee
            let subject = Subject(topic: segment.tag.topic, key: segment.tag.key)
            if segment.tag.traits.contains(.isReplaceable), newest[subject] != walk.index, walk.mayRemove(segment) {
                noteDropped(slot, segment.tag.topic, replaced: Int(segment.tag.count))
                remove(slot, walk.index, after: walk.previous)
                walk.index = segment.next
            } else {
                walk.pass(segment)
            }
        }
    }

    private mutating func markSlow(_ slot: UInt32) {
        let entry = connections[slot]
        guard !entry.pointee.flags.contains(.isSlow), entry.pointee.phase.takesMessages else { return }
        entry.pointee.flags.insert(.isSlow)
        slow.append(ConnectionID(slot: slot, generation: entry.pointee.generation))
    }

    /// Makes the waiting output of an ended subscription sure to be sent.
    ///
    /// The topic's number may be given again, and what follows under it must not drop this.
    mutating func untag(_ slot: UInt32, _ topic: UInt32) {
        let entry = connections[slot]
        drops.removeAll { $0.id.slot == slot && $0.topic == topic }
        guard entry.pointee.flags.contains(.hasTagged) else { return }
        var index = entry.pointee.firstSegment
        while index != .max {
            let segment = segments[index]
            if segment.pointee.tag.topic == topic {
                segment.pointee.tag.topic = .max
                segment.pointee.tag.traits.formIntersection(.hasBegun)
            }
            index = segment.pointee.next
        }
    }

    private mutating func noteDropped(_ slot: UInt32, _ topic: UInt32, dropped: Int = 0, replaced: Int = 0) {
        counters.dropped += UInt64(dropped)
        counters.replaced += UInt64(replaced)
        let id = ConnectionID(slot: slot, generation: connections[slot].pointee.generation)
        if let last = drops.last, last.id == id, last.topic == topic {
            drops[drops.count - 1].dropped += dropped
            drops[drops.count - 1].replaced += replaced
        } else {
            drops.append(DropNote(id: id, topic: topic, dropped: dropped, replaced: replaced))
        }
    }

    // MARK: The limit of the process

    /// Bytes that this shard's waiting output takes.
    var heldBytes: Int {
        pool.bytesInUse + segments.count * MemoryLayout<Segment>.stride
    }

    /// Brings the node's total up to date.
    ///
    /// - Returns: the bytes to which this shard must go down; nil: it need not.
    mutating func reportHeld() -> Int? {
        guard let total = configuration.outputTotal else { return nil }
        let held = heldBytes
        if held != reportedBytes {
            total.add(held - reportedBytes)
            reportedBytes = held
        }
        return total.share(of: held)
    }

    /// The shard has ended.
    mutating func withdrawHeld() {
        configuration.outputTotal?.add(-reportedBytes)
        reportedBytes = 0
    }

    /// Connections with waiting output, those with most of it first.
    func connectionsByWaitingBytes() -> [ConnectionID] {
        var waiting: [(id: ConnectionID, bytes: Int)] = []
        for slot in 0..<UInt32(connections.highWater) where connections[slot].pointee.phase.takesMessages {
            let bytes = waitingBytes(slot)
            guard bytes > 0 else { continue }
            waiting.append((ConnectionID(slot: slot, generation: connections[slot].pointee.generation), bytes))
        }
        return waiting.sorted { $0.bytes > $1.bytes }.map(\.id)
    }
}

/// A way through a connection's queue that knows what has begun to leave.
private struct QueueWalk {
    var index: UInt32
    private(set) var previous = UInt32.max
    /// Bytes of the queue that the reader of a detached connection has seen.
    ///
    /// Positions in them must not change.
    private var seen: Int

    init(_ connection: Connection) {
        index = connection.firstSegment
        seen = connection.phase == .detached ? Int(connection.needed) : 0
    }

    func mayRemove(_ segment: Segment) -> Bool { seen <= 0 && !segment.tag.traits.contains(.hasBegun) }

    mutating func pass(_ segment: Segment) {
        previous = index
        index = segment.next
        seen -= Int(segment.length)
    }
}
