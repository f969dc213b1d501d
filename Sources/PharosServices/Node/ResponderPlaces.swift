import Synchronization

/// Limits the requests that are with the responder at a time, over all shards.
///
/// Health and metrics have a limit of their own, so that operators get an answer also while the server is busy.
final class ResponderPlaces: Sendable {
    static let limit = 1_024
    static let reservedLimit = 64

    private let ordinary = Atomic<Int>(0)
    private let reserved = Atomic<Int>(0)

    var current: Int { ordinary.load(ordering: .relaxed) + reserved.load(ordering: .relaxed) }

    /// Counts a request; false: the limit is reached.
    func take(isReserved: Bool) -> Bool {
        let after =
            isReserved
            ? reserved.add(1, ordering: .relaxed).newValue : ordinary.add(1, ordering: .relaxed).newValue
        if after <= (isReserved ? Self.reservedLimit : Self.limit) { return true }
        leave(isReserved: isReserved)
        return false
    }

    func leave(isReserved: Bool) {
        if isReserved { reserved.subtract(1, ordering: .relaxed) } else { ordinary.subtract(1, ordering: .relaxed) }
    }
}
