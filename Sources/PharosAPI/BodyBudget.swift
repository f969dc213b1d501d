import Synchronization

/// How many bytes of request bodies may be in memory at a time, over all connections.
///
/// One body is limited by itself; this limits what many clients together can make the server hold.
package final class BodyBudget: Sendable {
    package let limit: Int
    private let used = Atomic<Int>(0)

    package init(limit: Int) {
        self.limit = limit
    }

    /// Bytes taken and not given back.
    package var usedBytes: Int { used.load(ordering: .relaxed) }

    /// False: there is no room for `count` more bytes now, and nothing was taken.
    package func take(_ count: Int) -> Bool {
        let (_, after) = used.add(count, ordering: .relaxed)
        if after <= limit { return true }
        used.subtract(count, ordering: .relaxed)
        return false
    }

    package func giveBack(_ count: Int) {
        used.subtract(count, ordering: .relaxed)
    }
}
