import CPharosSys
import PharosBytes
package import PharosDomain

/// Counts the refusals of the process, and lets few of them into the log.
///
/// A stranger can cause as many as he likes, so each kind has a few lines in a while; what is left out is counted, and
/// reported with the next line, or when the while is over. The counters have all of them. Any thread.
package final class RefusalLedger: Sendable {
    package enum Line: Equatable, Sendable {
        /// - Parameter suppressed: how many of the kind were left out since the last line.
        case refused(Refusal, suppressed: UInt64)
        /// So many of the kind were left out, and nothing has come since.
        case suppressed(RefusalKind, UInt64)
    }

    /// Lines of one kind in one while.
    package static let linesAtOnce = 10
    /// The while, in milliseconds.
    package static let whileMs: Int64 = 10_000

    private struct State {
        var counts: [UInt64]
        var beganMs: Int64 = .min / 2
        var lines = 0
        var suppressed: UInt64 = 0
    }

    private let kinds: [Locked<State>]
    private let nowMs: @Sendable () -> Int64
    private let report: @Sendable (Line) -> Void

    /// - Parameters:
    ///   - nowMs: a clock that never goes back.
    ///   - report: writes a line; on the thread of the refusal, so it must not block.
    package init(
        nowMs: @escaping @Sendable () -> Int64 = { pharos_monotonic_ms() }, report: @escaping @Sendable (Line) -> Void
    ) {
        kinds = RefusalKind.allCases.map { kind in
            Locked(State(counts: [UInt64](repeating: 0, count: kind.row.reasons.count)))
        }
        self.nowMs = nowMs
        self.report = report
    }

    /// A line that is due.
    ///
    /// The caller that has counted fills in the refusal's details, and gives it back to `write`.
    package struct DueLine: Sendable {
        package var refusal: Refusal
        fileprivate let suppressed: UInt64
    }

    package func write(_ line: DueLine) { report(.refused(line.refusal, suppressed: line.suppressed)) }

    /// Counts a refusal.
    ///
    /// The content of a line is put together only where there is to be one.
    ///
    /// - Returns: nil: it gets no line.
    package func count(_ kind: RefusalKind, _ reason: String) -> DueLine? {
        let row = kind.row
        let index = row.reasons.firstIndex(of: reason) ?? row.reasons.count - 1
        let now = nowMs()
        let isUsual = row.usual.contains(reason)
        let suppressed: UInt64? = kinds[kind.rawValue].withLock { state in
            state.counts[index] += 1
            // These have no line that others could be waiting for.
            if isUsual { return nil }
            if now - state.beganMs >= RefusalLedger.whileMs { (state.beganMs, state.lines) = (now, 0) }
            guard state.lines < RefusalLedger.linesAtOnce else {
                state.suppressed += 1
                return nil
            }
            state.lines += 1
            defer { state.suppressed = 0 }
            return state.suppressed
        }
        return suppressed.map { DueLine(refusal: Refusal(kind, reason: row.reasons[index]), suppressed: $0) }
    }

    /// Reports refusals that were left out and that no line has mentioned since.
    ///
    /// To be called about once a second.
    package func tick() {
        let now = nowMs()
        for kind in RefusalKind.allCases {
            let suppressed = kinds[kind.rawValue].withLock { state in
                guard state.suppressed > 0, now - state.beganMs >= RefusalLedger.whileMs else { return UInt64(0) }
                defer { state.suppressed = 0 }
                return state.suppressed
            }
            if suppressed > 0 { report(.suppressed(kind, suppressed)) }
        }
    }

    /// Refusals since start, by kind and reason; without those that never happened.
    package var counts: [RefusalKind: [String: UInt64]] {
        var all: [RefusalKind: [String: UInt64]] = [:]
        for kind in RefusalKind.allCases {
            let counts = kinds[kind.rawValue].withLock { $0.counts }
            for (reason, count) in zip(kind.row.reasons, counts) where count > 0 {
                all[kind, default: [:]][reason] = count
            }
        }
        return all
    }
}
