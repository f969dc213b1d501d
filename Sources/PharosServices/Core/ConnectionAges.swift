import PharosEdge

/// When connections have reached their maximum age.
///
/// They are kept by the second in which that is. Connections that end before stay in here for a while: their
/// `ConnectionID`s no longer lead to any. They are taken out whenever as many have been added as were left the last time.
struct ConnectionAges {
    private var due: [Int64: [ConnectionID]] = [:]
    /// The first second that has not been looked at.
    private var next: Int64
    private(set) var count = 0
    /// The number of entries at which those of ended connections are taken out.
    private var fullAt = ConnectionAges.least

    private static let least = 1_024

    init(nowMs: Int64) { next = nowMs / 1_000 }

    /// The age at which one connection ends, in ms.
    ///
    /// It is up to a tenth shorter or longer than the maximum, so that connections that came together after a restart do
    /// not all leave together.
    ///
    /// - Parameter chance: random, from 0 up to 1.
    static func age(maximum seconds: Double, chance: Double) -> Int64 {
        Int64(seconds * 1_000 * (0.9 + 0.2 * chance))
    }

    mutating func add(_ id: ConnectionID, dueMs: Int64) {
        due[max(dueMs / 1_000 + 1, next), default: []].append(id)
        count += 1
    }

    /// Whether it is time to take out the connections that have ended.
    var isFull: Bool { count >= fullAt }

    /// Takes out those that have ended.
    mutating func removeEnded(isOpen: (ConnectionID) -> Bool) {
        for second in Array(due.keys) {
            due[second]!.removeAll { !isOpen($0) }
            if due[second]!.isEmpty { due[second] = nil }
        }
        count = due.values.reduce(0) { $0 + $1.count }
        fullAt = max(2 * count, ConnectionAges.least)
    }

    /// Takes out those that are due.
    mutating func takeDue(nowMs: Int64) -> [ConnectionID] {
        let now = nowMs / 1_000
        guard !due.isEmpty else {
            next = now + 1
            return []
        }
        var taken: [ConnectionID] = []
        while next <= now {
            if let ids = due.removeValue(forKey: next) { taken += ids }
            next += 1
        }
        count -= taken.count
        return taken
    }
}
