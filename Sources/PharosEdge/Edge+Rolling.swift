/// Fan-outs to many: they go on from turn to turn, some subscribers in each.
///
/// What is published meanwhile joins what is pending. The subscribers that have not had their turn get it in the same
/// send, the others get it when the round comes back to them. So a publisher that is faster than one round costs one
/// send per subscriber and round whatever the number of messages, and no other connection on the shard waits for a
/// fan-out to end. Each subscriber knows how much of its lane's block it has been given; once all have been given
/// everything, the blocks go.
extension Edge {
    /// Subscribers that are sent to in one part of a turn, and such parts in one turn.
    private static var rollingPart: Int { 32 }
    static var rollingParts: Int { 4 }

    /// Whether a topic's fan-out may go on from turn to turn.
    ///
    /// It must last long enough, and nothing of it may be droppable: that is decided when it is queued.
    func mayRoll(_ topic: UInt32) -> Bool {
        let entry = topics[topic].pointee
        guard entry.isDirty, !entry.isRolling, entry.count >= Edge.fanOutThreshold, let lanes = entry.lanes else {
            return false
        }
        for index in 0..<Int(entry.laneCount) where lanes[index].pending != nil {
            if !lanes[index].traits.isEmpty { return false }
        }
        return true
    }

    mutating func beginRolling(_ topic: UInt32) {
        countSent(topic)
        let entry = topics[topic]
        entry.pointee.isRolling = true
        entry.pointee.cursor = 0
        entry.pointee.served = 0
        rollingTopics.append(topic)
    }

    mutating func stopRolling(_ topic: UInt32) {
        topics[topic].pointee.isRolling = false
        rollingTopics.removeAll { $0 == topic }
    }

    /// Something is being published to a lane of a topic whose fan-out is under way.
    mutating func rollOn(_ topic: UInt32, _ lane: UnsafeMutablePointer<Lane>) {
        topics[topic].pointee.served = 0
        counters.messagesSent += UInt64(lane.pointee.subscribers)
    }

    /// One part of a turn's share of the fan-outs under way.
    mutating func rollTopics() {
        guard !rollingTopics.isEmpty else { return }
        let isOnly = rollingTopics.count == 1
        var budget = Edge.rollingPart
        var index = 0
        while index < rollingTopics.count, budget > 0 {
            let topic = rollingTopics[index]
            roll(topic, budget: &budget, directly: isOnly)
            // One that is done has left the list.
            if index < rollingTopics.count, rollingTopics[index] == topic { index += 1 }
        }
        // Next time another one is first.
        if rollingTopics.count > 1 { rollingTopics.append(rollingTopics.removeFirst()) }
    }

    private mutating func roll(_ topic: UInt32, budget: inout Int, directly: Bool) {
        let entry = topics[topic]
        guard let lanes = entry.pointee.lanes, let subscribers = entry.pointee.subscribers else { return }
        while entry.pointee.served < entry.pointee.count {
            guard budget > 0 else { return }
            if entry.pointee.cursor >= entry.pointee.count { entry.pointee.cursor = 0 }
            if give(topic, lanes, subscribers + Int(entry.pointee.cursor), directly: directly) { budget -= 1 }
            entry.pointee.cursor += 1
            entry.pointee.served += 1
        }
        // Every subscriber has got everything: this only lets the blocks go.
        deliver(topic, directly: false)
    }

    /// Gives a subscriber at once the messages of a fan-out under way.
    ///
    /// It does not wait until the fan-out comes to it.
    package mutating func catchUp(_ node: UInt32) {
        let topic = nodes[node].pointee.topic
        let entry = topics[topic]
        guard entry.pointee.isRolling else { return deliver(topic, directly: false) }
        let subscriber = entry.pointee.subscribers! + Int(nodes[node].pointee.indexInTopic)
        give(topic, entry.pointee.lanes!, subscriber, directly: false)
    }

    /// Whether a subscriber has not been given all that was published to it.
    package func isBehind(_ node: UInt32) -> Bool {
        let entry = topics[nodes[node].pointee.topic].pointee
        guard entry.isDirty, let lanes = entry.lanes, let subscribers = entry.subscribers else { return false }
        let subscriber = subscribers[Int(nodes[node].pointee.indexInTopic)]
        guard let block = lanes[Int(subscriber.lane)].pending else { return false }
        return subscriber.given < block.pointee.count
    }

    /// Counts the waiting messages of a topic as sent.
    ///
    /// Messages that join later are counted as they come.
    mutating func countSent(_ topic: UInt32) {
        let entry = topics[topic].pointee
        guard let lanes = entry.lanes, let subscribers = entry.subscribers else { return }
        for index in 0..<Int(entry.count) {
            counters.messagesSent += UInt64(lanes[Int(subscribers[index].lane)].pendingMessages)
        }
    }
}
