import CPharosSys

/// The subscribers of one channel on this shard, and what was published to them in this turn.
struct Topic: FreeListEntry {
    var subscribers: UnsafeMutablePointer<Subscriber>?
    var count: UInt32 = 0
    var capacity: UInt32 = 0
    /// Subscribers by wire, so that nothing is encoded that nobody reads.
    var wireCounts = WireCounts()
    var pending = PendingBlocks()
    /// Messages in `pending`, by wire.
    var pendingMessages = WireCounts()
    var isDirty = false
    var nextFree = UInt32.max
}

struct Subscriber: BitwiseCopyable {
    var connection: UInt32
    var node: UInt32
    var wire: UInt32
}

/// One subscription, seen from the connection: where it stands in its topic.
struct Node: FreeListEntry {
    var topic: UInt32
    var indexInTopic: UInt32

    var nextFree: UInt32 {
        get { indexInTopic }
        set { indexInTopic = newValue }
    }
}

struct WireCounts: BitwiseCopyable {
    private var values: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)

    subscript(wire: Int) -> UInt32 {
        get {
            switch wire {
            case 0: values.0
            case 1: values.1
            case 2: values.2
            default: values.3
            }
        }
        set {
            switch wire {
            case 0: values.0 = newValue
            case 1: values.1 = newValue
            case 2: values.2 = newValue
            default: values.3 = newValue
            }
        }
    }
}

struct PendingBlocks: BitwiseCopyable {
    private var values: (BlockPointer?, BlockPointer?, BlockPointer?, BlockPointer?) = (nil, nil, nil, nil)

    subscript(wire: Int) -> BlockPointer? {
        get {
            switch wire {
            case 0: values.0
            case 1: values.1
            case 2: values.2
            default: values.3
            }
        }
        set {
            switch wire {
            case 0: values.0 = newValue
            case 1: values.1 = newValue
            case 2: values.2 = newValue
            default: values.3 = newValue
            }
        }
    }
}

extension Edge {
    /// Four ways to put a topic's messages on the wire; what each number means is the handler's business.
    package static var wires: Int { 4 }

    package mutating func makeTopic() -> UInt32 {
        topics.take(Topic())
    }

    /// The topic must have no subscribers left.
    package mutating func removeTopic(_ topic: UInt32) {
        precondition(topics[topic].pointee.count == 0, "a topic with subscribers cannot be removed")
        deliver(topic, directly: false)
        topics[topic].pointee.subscribers?.deallocate()
        topics[topic].pointee.subscribers = nil
        topics.give(back: topic)
    }

    package func subscriberCount(of topic: UInt32) -> Int { Int(topics[topic].pointee.count) }

    package func hasSubscribers(_ topic: UInt32, wire: Int) -> Bool { topics[topic].pointee.wireCounts[wire] > 0 }

    /// Calls `body` with each subscriber's connection.
    package func forEachSubscriber(of topic: UInt32, _ body: (ConnectionID) -> Void) {
        let entry = topics[topic].pointee
        guard let subscribers = entry.subscribers else { return }
        for index in 0..<Int(entry.count) {
            let slot = subscribers[index].connection
            body(ConnectionID(slot: slot, generation: connections[slot].pointee.generation))
        }
    }

    /// Adds a subscriber; what was published before, in this turn too, does not reach it.
    package mutating func subscribe(_ id: ConnectionID, to topic: UInt32, wire: Int) -> UInt32 {
        deliver(topic, directly: false)
        let entry = topics[topic]
        if entry.pointee.count == entry.pointee.capacity {
            let capacity = max(entry.pointee.capacity * 2, 2)
            let grown = UnsafeMutablePointer<Subscriber>.allocate(capacity: Int(capacity))
            if let old = entry.pointee.subscribers {
                grown.moveInitialize(from: old, count: Int(entry.pointee.count))
                old.deallocate()
            }
            entry.pointee.subscribers = grown
            entry.pointee.capacity = capacity
        }
        let node = nodes.take(Node(topic: topic, indexInTopic: entry.pointee.count))
        (entry.pointee.subscribers! + Int(entry.pointee.count)).initialize(
            to: Subscriber(connection: id.slot, node: node, wire: UInt32(wire)))
        entry.pointee.count += 1
        entry.pointee.wireCounts[wire] += 1
        return node
    }

    /// Ends a subscription; what was published before still reaches the connection.
    package mutating func unsubscribe(_ node: UInt32) {
        let topic = nodes[node].pointee.topic
        deliver(topic, directly: false)
        let entry = topics[topic]
        let subscribers = entry.pointee.subscribers!
        let index = nodes[node].pointee.indexInTopic
        entry.pointee.wireCounts[Int(subscribers[Int(index)].wire)] -= 1
        entry.pointee.count -= 1
        if index != entry.pointee.count {
            let moved = subscribers[Int(entry.pointee.count)]
            subscribers[Int(index)] = moved
            nodes[moved.node].pointee.indexInTopic = index
        }
        nodes.give(back: node)
    }

    /// Sends one WebSocket message to all subscribers of a wire at the end of this turn: encoded and framed once.
    package mutating func publish(
        _ topic: UInt32, wire: Int, _ opcode: Opcode, _ payload: UnsafeRawBufferPointer
    ) {
        let entry = topics[topic]
        guard entry.pointee.wireCounts[wire] > 0 else { return }
        let size = FrameWriter.headerSize(for: payload.count) + payload.count
        let block: BlockPointer
        if let pending = entry.pointee.pending[wire], pending.room >= size {
            block = pending
        } else if let pending = entry.pointee.pending[wire] {
            // Full: a larger block takes over what waits, so that each subscriber still gets one piece per turn.
            block = pool.take(capacity: max(Int(pending.pointee.count) * 2, Int(pending.pointee.count) + size))
            block.append(UnsafeRawBufferPointer(start: pending.bytes, count: Int(pending.pointee.count)))
            pool.release(pending)
            entry.pointee.pending[wire] = block
        } else {
            block = pool.take(capacity: size)
            entry.pointee.pending[wire] = block
        }
        let written = FrameWriter.writeHeader(
            opcode: opcode.rawValue, length: payload.count, to: block.bytes + Int(block.pointee.count))
        block.pointee.count += UInt32(written)
        block.append(payload)
        entry.pointee.pendingMessages[wire] += 1
        if !entry.pointee.isDirty {
            entry.pointee.isDirty = true
            dirtyTopics.append(topic)
        }
        // One turn's output of a topic is bounded: beyond this it is handed to the connections at once.
        if block.pointee.count > 262_144 { deliver(topic, directly: false) }
    }

    /// Hands this turn's messages of all topics to their subscribers.
    mutating func deliverTopics() {
        let direct = dirtyTopics.count == 1
        var index = 0
        while index < dirtyTopics.count {
            deliver(dirtyTopics[index], directly: direct)
            index += 1
        }
        dirtyTopics.removeAll(keepingCapacity: true)
    }

    /// With `directly`, connections without other output are sent to at once: this is the fan-out path.
    mutating func deliver(_ topic: UInt32, directly: Bool) {
        let entry = topics[topic]
        guard entry.pointee.isDirty else { return }
        entry.pointee.isDirty = false
        let pending = entry.pointee.pending
        let messages = entry.pointee.pendingMessages
        entry.pointee.pending = PendingBlocks()
        entry.pointee.pendingMessages = WireCounts()
        if let subscribers = entry.pointee.subscribers {
            let count = Int(entry.pointee.count)
            for index in 0..<count {
                let wire = Int(subscribers[index].wire)
                guard let block = pending[wire] else { continue }
                counters.messagesSent += UInt64(messages[wire])
                let slot = subscribers[index].connection
                let connection = connections[slot]
                if directly, connection.pointee.firstSegment == .max, !connection.pointee.flags.contains(.isSink) {
                    sendDirectly(slot, block)
                } else {
                    enqueue(slot, block, offset: 0)
                }
            }
        }
        for wire in 0..<Edge.wires {
            if let block = pending[wire] { pool.release(block) }
        }
    }

    @inline(__always)
    private mutating func sendDirectly(_ slot: UInt32, _ block: BlockPointer) {
        let connection = connections[slot]
        let sent = pharos_send(connection.pointee.descriptor, block.bytes, Int(block.pointee.count), 0)
        if sent == Int(block.pointee.count) {
            counters.sends += 1
            counters.bytesSent += UInt64(sent)
            return
        }
        if sent >= 0 {
            counters.sends += 1
            counters.bytesSent += UInt64(sent)
            enqueue(slot, block, offset: sent)
        } else if sent == -Int(pharos_eagain) {
            enqueue(slot, block, offset: 0)
        } else {
            fail(slot)
        }
    }
}
