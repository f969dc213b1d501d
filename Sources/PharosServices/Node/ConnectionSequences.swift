import CPharosSys
import PharosBytes

/// Numbers that order the connections of a user over all nodes. Any thread.
///
/// They follow the wall clock, but never fall behind a number that another node has given: so a newer connection has a
/// higher number although clocks differ, as soon as a sign of life has gone between the nodes.
final class ConnectionSequences: Sendable {
    private let last = Locked<UInt64>(1)

    /// The newest number that is known.
    var newest: UInt64 { last.withLock { $0 } }

    func next() -> UInt64 {
        let clock = UInt64(max(pharos_wall_ms(), 0)) << 12
        return last.withLock { last in
            last = max(last + 1, clock)
            return last
        }
    }

    /// Another node has given this number.
    func observe(_ number: UInt64) {
        // A broken number must not use up all that follow.
        guard number < .max / 2 else { return }
        last.withLock { $0 = max($0, number) }
    }
}
