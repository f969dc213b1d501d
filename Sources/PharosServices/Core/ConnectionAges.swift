import PharosEdge

/// When connections have reached their maximum age.
///
/// They are kept by the second in which that is. A connection that ends before stays in here until then: its
/// `ConnectionID` no longer leads to one.
struct ConnectionAges {
    private var due: [Int64: [ConnectionID]] = [:]
    /// The first second that has not been looked at.
    private var next: Int64

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
        return taken
    }
}
