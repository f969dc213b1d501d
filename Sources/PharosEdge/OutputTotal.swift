import Synchronization

/// The bytes that waiting output takes in the whole process.
///
/// The shards of one node share it.
///
/// Bytes that many connections wait for together count once, as they are held once. Each shard reports once per turn.
package final class OutputTotal: Sendable {
    /// Beyond this the shards end those of their connections for which most is waiting.
    package let limit: Int
    private let bytes = Atomic<Int>(0)

    package init(limit: Int) { self.limit = limit }

    package var current: Int { bytes.load(ordering: .relaxed) }

    func add(_ change: Int) { bytes.add(change, ordering: .relaxed) }

    /// The part of the limit that one shard may hold; nil: the limit is kept.
    ///
    /// It is in proportion to the shard's part in the total.
    func share(of held: Int) -> Int? {
        let current = self.current
        guard current > limit, held > 0 else { return nil }
        // Somewhat less, so that the next turn does not begin at the limit again.
        return Int(Double(held) * Double(limit) / Double(current) * 0.875)
    }
}
