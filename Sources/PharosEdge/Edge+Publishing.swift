import CPharosSys
package import PharosBytes

/// The way from a publication to its subscribers' output.
///
/// It is framed once, and shared by all of a lane.
extension Edge {
    /// Sends one message to all subscribers of a lane at the end of this turn.
    ///
    /// - Parameters:
    ///   - policy: what becomes of it where it has to wait.
    ///   - key: its conflation key; 0: none. See `OverflowPolicy`.
    package mutating func publish(
        _ topic: UInt32, lane number: UInt16, _ framing: Framing, _ payload: UnsafeRawBufferPointer,
        policy: OverflowPolicy = .close, key: UInt32 = 0
    ) {
        let entry = topics[topic]
        guard let index = entry.index(ofLane: number) else { return }
        guard framing != .chunk || !payload.isEmpty else { return }
        let lane = entry.pointee.lanes! + index
        let traits = MessageTag.Traits(policy, key: key)
        if lane.pointee.pending != nil, lane.pointee.key != key || lane.pointee.traits != traits {
            deliver(topic, directly: false)
        }
        if entry.pointee.isRolling {
            if traits.isEmpty { rollOn(topic, lane) } else { deliver(topic, directly: false) }
        }
        lane.pointee.key = key
        lane.pointee.traits = traits
        let size = framing.size(for: payload.count)
        let block: BlockPointer
        if let pending = lane.pointee.pending, pending.room >= size {
            block = pending
        } else if let pending = lane.pointee.pending {
            // Full: a larger block takes over what waits, so that each subscriber still gets one piece per turn.
            block = pool.take(capacity: max(Int(pending.pointee.count) * 2, Int(pending.pointee.count) + size))
            block.append(UnsafeRawBufferPointer(start: pending.bytes, count: Int(pending.pointee.count)))
            pool.release(pending)
            lane.pointee.pending = block
        } else {
            block = pool.take(capacity: size)
            lane.pointee.pending = block
        }
        lane.pointee.lastStart = block.pointee.count
        block.append(framing, payload)
        lane.pointee.pendingMessages += 1
        if !entry.pointee.isDirty {
            entry.pointee.isDirty = true
            dirtyTopics.append(topic)
            spend(Edge.subscriberCost * Int(min(entry.pointee.count, Edge.fanOutThreshold)))
        }
        // One turn's output of a topic is bounded: beyond this it is handed to the connections at once. What may be dropped
        // is dropped in whole pieces, and one that has begun to leave cannot be: such pieces must be small.
        let pieceLimit = traits.isEmpty ? 262_144 : min(262_144, max(configuration.outputLimit / 4, 4_096))
        if block.pointee.count > pieceLimit || lane.pointee.pendingMessages == Lane.pendingLimit {
            deliver(topic, directly: false)
        }
    }

    package mutating func publish(
        _ topic: UInt32, lane: UInt16, _ framing: Framing, _ payload: borrowing ByteWriter,
        policy: OverflowPolicy = .close, key: UInt32 = 0
    ) {
        payload.withBytes { publish(topic, lane: lane, framing, $0, policy: policy, key: key) }
    }

    /// Whether so many wait for this turn's messages that others should join.
    ///
    /// Then it is worth looking for further messages before the fan-out.
    var isFanOutAhead: Bool {
        guard !dirtyTopics.isEmpty else { return false }
        var subscribers: UInt32 = 0
        for topic in dirtyTopics where topics[topic].pointee.isDirty {
            subscribers += topics[topic].pointee.count
            if subscribers >= Edge.fanOutThreshold { return true }
        }
        return false
    }

    /// The number of subscribers from which on a fan-out counts as long.
    ///
    /// It lasts long against one more look at the sockets.
    static var fanOutThreshold: UInt32 { 256 }

    /// Hands this turn's messages of all topics to their subscribers, or begins to.
    mutating func deliverTopics() {
        let direct = dirtyTopics.count == 1
        var index = 0
        while index < dirtyTopics.count {
            let topic = dirtyTopics[index]
            index += 1
            if topics[topic].pointee.isRolling { continue }
            if mayRoll(topic) { beginRolling(topic) } else { deliver(topic, directly: direct) }
        }
        dirtyTopics.removeAll(keepingCapacity: true)
    }

    /// Hands everything that waits in a topic to all of its subscribers.
    ///
    /// With `directly`, connections without other output are sent to at once: this is the fan-out path.
    mutating func deliver(_ topic: UInt32, directly: Bool) {
        let entry = topics[topic]
        guard entry.pointee.isDirty, let lanes = entry.pointee.lanes else { return }
        if entry.pointee.isRolling { stopRolling(topic) } else { countSent(topic) }
        entry.pointee.isDirty = false
        if let subscribers = entry.pointee.subscribers {
            for index in 0..<Int(entry.pointee.count) {
                give(topic, lanes, subscribers + index, directly: directly)
                subscribers[index].given = 0
            }
        }
        for index in 0..<Int(entry.pointee.laneCount) {
            guard let block = lanes[index].pending else { continue }
            lanes[index].pending = nil
            lanes[index].pendingMessages = 0
            pool.release(block)
        }
    }

    /// Gives a subscriber the messages in its lane that it has not had.
    ///
    /// false: it has everything.
    @inline(__always)
    @discardableResult
    mutating func give(
        _ topic: UInt32, _ lanes: UnsafeMutablePointer<Lane>, _ subscriber: UnsafeMutablePointer<Subscriber>,
        directly: Bool
    ) -> Bool {
        let lane = lanes + Int(subscriber.pointee.lane)
        guard let block = lane.pointee.pending, subscriber.pointee.given < block.pointee.count else { return false }
        let given = subscriber.pointee.given
        subscriber.pointee.given = block.pointee.count
        let slot = subscriber.pointee.connection
        let connection = connections[slot]
        if directly, connection.pointee.firstSegment == .max, connection.pointee.flags.hasSocket {
            if !connection.pointee.flags.contains(.isSecure) {
                sendDirectly(slot, topic, lane.pointee, block, given: given)
            } else if !connection.pointee.flags.contains(.isBlocked) {
                sendDirectlySecurely(slot, block, given: given)
            } else {
                enqueue(slot, topic, lane.pointee, block, given: given)
            }
        } else {
            enqueue(slot, topic, lane.pointee, block, given: given)
        }
        return true
    }

    @inline(__always)
    private mutating func sendDirectly(
        _ slot: UInt32, _ topic: UInt32, _ lane: Lane, _ block: BlockPointer, given: UInt32
    ) {
        let connection = connections[slot]
        let length = Int(block.pointee.count - given)
        let sent = pharos_send(connection.pointee.descriptor, block.bytes + Int(given), length, 0)
        if sent == length {
            counters.sends += 1
            counters.bytesSent += UInt64(sent)
            return
        }
        if sent >= 0 {
            counters.sends += 1
            counters.bytesSent += UInt64(sent)
            var tag = lane.traits.isEmpty ? MessageTag() : lane.tag(topic)
            tag.traits.insert(.hasBegun)
            enqueue(slot, block, offset: Int(given) + sent, length: length - sent, tag)
        } else if sent == -Int(pharos_eagain) {
            enqueue(slot, topic, lane, block, given: given)
        } else {
            fail(slot)
        }
    }
}
