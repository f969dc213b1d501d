import Synchronization

/// The bytes of request bodies that are being read in the whole process.
///
/// The shards of one node share it. One body is limited by itself; this limits how much many clients together can make
/// the server keep.
///
/// Senders that have shown a key may use all of it, the others half: so clients without a key cannot shut out the
/// server API.
package final class BodyBudget: Sendable {
    package let limit: Int
    private let used = Atomic<Int>(0)

    package init(limit: Int) { self.limit = limit }

    /// Bytes taken and not given back.
    package var usedBytes: Int { used.load(ordering: .relaxed) }

    /// False: there is no room for `count` more bytes now, and nothing was taken.
    func take(_ count: Int, isTrusted: Bool) -> Bool {
        let (_, after) = used.add(count, ordering: .relaxed)
        if after <= (isTrusted ? limit : limit / 2) { return true }
        used.subtract(count, ordering: .relaxed)
        return false
    }

    func giveBack(_ count: Int) { used.subtract(count, ordering: .relaxed) }
}
