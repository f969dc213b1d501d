/// Publications that all subscribers of a topic get but one.
///
/// The one steps out of the list of subscribers for as long as they are published, so that a fan-out without an exception
/// knows nothing of any.
extension Edge {
    /// Lets a subscriber miss what is published until it steps back.
    ///
    /// What was published so far is delivered first. Until `stepBack`, there must be no subscribing to the topic, no
    /// leaving it and no other stepping aside; the lanes in use stay.
    package mutating func stepAside(_ node: UInt32) {
        let topic = nodes[node].pointee.topic
        deliver(topic, directly: false)
        moveToEnd(node)
        topics[topic].pointee.count -= 1
    }

    /// Ends the stepping aside of the subscriber that did so last.
    ///
    /// It gets what is published from now on; what was published meanwhile goes to the others here.
    package mutating func stepBack(_ node: UInt32) {
        let topic = nodes[node].pointee.topic
        deliver(topic, directly: false)
        topics[topic].pointee.count += 1
    }

    private mutating func moveToEnd(_ node: UInt32) {
        let entry = topics[nodes[node].pointee.topic]
        let subscribers = entry.pointee.subscribers!
        let index = nodes[node].pointee.indexInTopic
        let last = entry.pointee.count - 1
        guard index != last else { return }
        let moved = subscribers[Int(last)]
        subscribers[Int(last)] = subscribers[Int(index)]
        subscribers[Int(index)] = moved
        nodes[node].pointee.indexInTopic = last
        nodes[moved.node].pointee.indexInTopic = index
    }
}
