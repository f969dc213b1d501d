import CPharosSys
import PharosBytes
import PharosDomain

/// Unique ids that grow with time.
///
/// They have 41 bits of milliseconds, 10 of the node, 12 of a count within the millisecond. Every node has a number of
/// its own, so that nodes need not ask one another. Ids refuse to run backwards: when the clock steps back they go on
/// from the last millisecond, up to `leadLimit`; beyond it ``next()`` throws until the clock has caught up. May be
/// called from any thread.
public final class SnowflakeIDs: Sendable {
    public enum Failure: Error, Hashable, Sendable {
        /// Nodes are 0 to 1,023.
        case invalidNode(Int)
        /// So far behind the last id's that going on would be a guess.
        case clockTooFarBehind(milliseconds: Int64)
        /// Before the epoch, or 69 years after it.
        case outOfRange
    }

    /// Milliseconds since 1970 at which ids begin, unless said otherwise.
    public static let standardEpochMs: Int64 = SnowflakeSequence.standardEpochMs

    private let sequence: Locked<SnowflakeSequence>
    private let clock: @Sendable () -> Int64

    /// - Parameters:
    ///   - node: 0 to 1,023.
    ///   - leadLimit: how far ids may run ahead of the clock, after it stepped back or when more than 4,096 are wanted in a
    ///     millisecond.
    ///   - last: an id that was given before, such as the newest in a database: all that follow are greater.
    ///   - clock: milliseconds since 1970; the system's unless said otherwise.
    public init(
        node: Int, epochMs: Int64 = SnowflakeIDs.standardEpochMs, leadLimit: Duration = .seconds(10),
        after last: UInt64? = nil, clock: @escaping @Sendable () -> Int64 = SnowflakeIDs.systemClock
    ) throws(Failure) {
        do throws(SnowflakeSequence.Failure) {
            sequence = Locked(
                try SnowflakeSequence(
                    node: node, epochMs: epochMs, leadLimitMs: leadLimit.boundedMilliseconds, after: last))
        } catch {
            throw Failure(error)
        }
        self.clock = clock
    }

    /// The next id, greater than all before.
    public func next() throws(Failure) -> UInt64 {
        let now = clock()
        let result = sequence.withLock { sequence in
            Result { () throws(SnowflakeSequence.Failure) in try sequence.next(nowMs: now) }
        }
        do throws(SnowflakeSequence.Failure) { return try result.get() } catch { throw Failure(error) }
    }

    /// When an id was given, in milliseconds since 1970.
    public static func timeMs(of id: UInt64, epochMs: Int64 = SnowflakeIDs.standardEpochMs) -> Int64 {
        SnowflakeSequence.parts(of: id, epochMs: epochMs).timeMs
    }

    /// Milliseconds since 1970.
    @Sendable public static func systemClock() -> Int64 { pharos_wall_ms() }
}

extension SnowflakeIDs.Failure {
    fileprivate init(_ failure: SnowflakeSequence.Failure) {
        switch failure {
        case .invalidNode(let node): self = .invalidNode(node)
        case .clockTooFarBehind(let milliseconds): self = .clockTooFarBehind(milliseconds: milliseconds)
        case .outOfRange: self = .outOfRange
        }
    }
}
