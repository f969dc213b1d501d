/// Numbers for lanes, given as they are first needed.
///
/// The edge knows a lane by its number only.
/// One shard's. A number keeps its meaning as long as the table lives, so numbers that are kept elsewhere never go
/// stale. Clients choose among few values of each part of a key, so a table fills with a few dozen keys; the limit
/// bounds a dialect that has many forms.
package struct LaneTable: ~Copyable {
    /// Keys that one table takes.
    package static let limit = 4_096

    private var keys: [LaneKey] = []
    private var numbers: [LaneKey: UInt16] = [:]
    private let limit: Int

    /// - Parameter limit: at most 65,536.
    package init(limit: Int = LaneTable.limit) {
        precondition(0...65_536 ~= limit, "lanes are numbered with 16 bits")
        self.limit = limit
    }

    package var count: Int { keys.count }

    /// The lane's number: the one that it has, else the next one.
    package mutating func number(of key: LaneKey) throws(LaneTableFull) -> UInt16 {
        // Subscribers that come in numbers come alike, and the first lanes are the common ones.
        for index in 0..<min(keys.count, 4) where keys[index] == key { return UInt16(index) }
        if let number = numbers[key] { return number }
        guard keys.count < limit else { throw LaneTableFull(limit: limit) }
        let number = UInt16(keys.count)
        keys.append(key)
        numbers[key] = number
        return number
    }

    /// The lane key of a number that this table gave.
    package subscript(number: UInt16) -> LaneKey {
        @inline(__always)
        get {
            precondition(Int(number) < keys.count, "no lane has this number")
            return keys[Int(number)]
        }
    }
}

/// Subscribers need more different lanes than one table takes.
package struct LaneTableFull: Error, Equatable, Sendable, CustomStringConvertible {
    package let limit: Int

    package init(limit: Int) { self.limit = limit }

    package var description: String { "no further lane: the table has its limit of \(limit)" }
}
