import Synchronization

/// How many requests may be with the responder at a time, over all shards.
///
/// Health and metrics have places of their own: whoever looks after the server gets an answer also while it is busy.
final class ResponderPlaces: Sendable {
    static let limit = 1_024
    static let reservedLimit = 64

    private let ordinary = Atomic<Int>(0)
    private let reserved = Atomic<Int>(0)

    var current: Int { ordinary.load(ordering: .relaxed) + reserved.load(ordering: .relaxed) }

    /// False: all places are taken.
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
