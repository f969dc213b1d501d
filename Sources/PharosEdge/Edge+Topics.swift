/// Topics: who reads what, and in which lane.
extension Edge {
    package mutating func makeTopic() -> UInt32 {
        topics.take(Topic())
    }

    /// The topic must have no subscribers left.
    package mutating func removeTopic(_ topic: UInt32) {
        precondition(topics[topic].pointee.count == 0, "a topic with subscribers cannot be removed")
        deliver(topic, directly: false)
        freeTopic(topic)
        topics.give(back: topic)
    }

    /// Frees what a topic holds; that of one that was removed is nothing.
    mutating func freeTopic(_ topic: UInt32) {
        let entry = topics[topic]
        entry.pointee.subscribers?.deallocate()
        entry.pointee.subscribers = nil
        guard let lanes = entry.pointee.lanes else { return }
        for index in 0..<Int(entry.pointee.laneCount) {
            if let block = lanes[index].pending { pool.release(block) }
        }
        lanes.deallocate()
        entry.pointee.lanes = nil
    }

    package func subscriberCount(of topic: UInt32) -> Int { Int(topics[topic].pointee.count) }

    /// Whether anybody reads in that lane: if not, nothing need be encoded for it.
    package func hasSubscribers(_ topic: UInt32, lane: UInt16) -> Bool { topics[topic].index(ofLane: lane) != nil }

    /// How many slots for lanes the topic has.
    ///
    /// `lane(of:at:)` says which of them are in use.
    ///
    /// Both together are a list of the lanes in use, to be looked through while something is published to each. Places
    /// change with subscriptions only.
    package func laneSlots(of topic: UInt32) -> Int { Int(topics[topic].pointee.laneCount) }

    /// The number of the lane in a slot; nil: it has no subscribers.
    package func lane(of topic: UInt32, at index: Int) -> UInt16? {
        guard index < Int(topics[topic].pointee.laneCount), let lanes = topics[topic].pointee.lanes else { return nil }
        return lanes[index].subscribers > 0 ? lanes[index].number : nil
    }

    /// Calls `body` with each subscriber's connection.
    package func forEachSubscriber(of topic: UInt32, _ body: (ConnectionID) -> Void) {
        let entry = topics[topic].pointee
        guard let subscribers = entry.subscribers else { return }
        for index in 0..<Int(entry.count) {
            let slot = subscribers[index].connection
            body(ConnectionID(slot: slot, generation: connections[slot].pointee.generation))
        }
    }

    /// Calls `body` with the connection of each subscriber in one lane.
    package func forEachSubscriber(of topic: UInt32, lane: UInt16, _ body: (ConnectionID) -> Void) {
        let entry = topics[topic]
        guard let subscribers = entry.pointee.subscribers, let laneIndex = entry.index(ofLane: lane) else { return }
        for index in 0..<Int(entry.pointee.count) where Int(subscribers[index].lane) == Int(laneIndex) {
            let slot = subscribers[index].connection
            body(ConnectionID(slot: slot, generation: connections[slot].pointee.generation))
        }
    }

    /// Adds a subscriber to a topic.
    ///
    /// Messages that were published before, in this turn too, do not reach it.
    ///
    /// The connection must be a WebSocket, a stream or detached, and the handler must unsubscribe it when it has ended.
    package mutating func subscribe(_ id: ConnectionID, to topic: UInt32, lane: UInt16) -> UInt32 {
        let entry = topics[topic]
        // A fan-out that goes on knows how far each one is; only a new lane does not count in it.
        if !entry.pointee.isRolling || entry.index(ofLane: lane) == nil { deliver(topic, directly: false) }
        entry.reserveSubscriber()
        let index = entry.indexForSubscriber(ofLane: lane)
        let pending = entry.pointee.lanes![index].pending?.pointee.count ?? 0
        let node = nodes.take(Node(topic: topic, indexInTopic: entry.pointee.count))
        (entry.pointee.subscribers! + Int(entry.pointee.count)).initialize(
            to: Subscriber(connection: id.slot, node: node, lane: UInt32(index), given: pending))
        entry.pointee.count += 1
        entry.pointee.served = 0
        entry.pointee.lanes![index].subscribers += 1
        return node
    }

    /// Ends a subscription; what was published before still reaches the connection.
    package mutating func unsubscribe(_ node: UInt32) {
        let topic = nodes[node].pointee.topic
        let entry = topics[topic]
        catchUp(node)
        // Another one moves to its index, and may not have had its turn.
        entry.pointee.served = 0
        let subscribers = entry.pointee.subscribers!
        let index = nodes[node].pointee.indexInTopic
        untag(subscribers[Int(index)].connection, topic)
        entry.pointee.lanes![Int(subscribers[Int(index)].lane)].subscribers -= 1
        entry.pointee.count -= 1
        if index != entry.pointee.count {
            let moved = subscribers[Int(entry.pointee.count)]
            subscribers[Int(index)] = moved
            nodes[moved.node].pointee.indexInTopic = index
        }
        nodes.give(back: node)
    }
}
