/// The subscriptions that a client wants, whatever connection it has.
///
/// A value: the next session is made with what the last one left. Numbers are never used twice, so that a late message
/// of an earlier subscription finds none.
package struct NATSSubscriptions: Equatable, Sendable {
    package struct Entry: Equatable, Sendable {
        package var subject: String
        package var queue: String?
        /// Messages until the subscription ends by itself; nil: it does not.
        package var remaining: UInt64?
        /// Messages of this connection, from which UNSUB counts.
        var received: UInt64 = 0
    }

    /// The number of the inbox, which each session has for itself.
    static let inbox: UInt64 = 1

    private var entries: [UInt64: Entry] = [:]
    private var last = NATSSubscriptions.inbox

    package init() {}

    package var count: Int { entries.count }
    package subscript(subscription: UInt64) -> Entry? { entries[subscription] }

    /// All of them, oldest first.
    var ordered: [(subscription: UInt64, entry: Entry)] {
        entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Adds one for the next connection.
    ///
    /// A session's own `subscribe` does it for its connection too.
    ///
    /// - Throws: `invalidSubject`, `invalidQueue`, `lineTooLong`.
    @discardableResult
    package mutating func add(_ subject: String, queue: String? = nil) throws(NATSOrderError) -> UInt64 {
        guard NATSSubject.isSubscribable(subject) else { throw .invalidSubject }
        if let queue, !NATSSubject.isArgument(queue) { throw .invalidQueue }
        // With the longest number, so that no later connection refuses what this one took.
        let bytes = "SUB   \(UInt64.max)\r\n".utf8.count + subject.utf8.count + (queue?.utf8.count ?? 0)
        guard bytes <= NATSWriter.lineLimit else { throw .lineTooLong }
        last += 1
        entries[last] = Entry(subject: subject, queue: queue)
        return last
    }

    /// Takes one out; false if there is none of that number.
    @discardableResult
    package mutating func remove(_ subscription: UInt64) -> Bool { entries.removeValue(forKey: subscription) != nil }

    mutating func removeAll() { entries = [:] }

    /// Ends one after `count` further messages.
    ///
    /// - Returns: the argument of UNSUB, which counts from SUB on; nil if there is none of that number.
    mutating func end(_ subscription: UInt64, after count: UInt64) -> UInt64? {
        guard let index = entries.index(forKey: subscription) else { return nil }
        entries.values[index].remaining = count
        return entries.values[index].received + count
    }

    /// Begins to count anew, for a connection that has received nothing.
    mutating func reconnect() {
        for index in entries.indices { entries.values[index].received = 0 }
    }

    /// Counts a message; false if it is for none of these.
    mutating func receive(_ subscription: UInt64) -> Bool {
        guard let index = entries.index(forKey: subscription) else { return false }
        entries.values[index].received += 1
        guard let remaining = entries.values[index].remaining else { return true }
        if remaining > 1 {
            entries.values[index].remaining = remaining - 1
        } else {
            entries.remove(at: index)
        }
        return true
    }
}
