/// PINGs of one connection and their PONGs, in monotonic milliseconds.
///
/// Whatever the server sends shows that it is there; a PING is sent into silence only.
struct NATSKeepAlive: Equatable, Sendable {
    private let intervalMs: Int64
    private let allowed: Int
    /// PINGs since the last byte of the server.
    private var unanswered = 0
    private(set) var deadlineMs: Int64
    /// All PINGs, whatever for: PONGs come in the same order.
    private(set) var sent: UInt64 = 0
    private(set) var answered: UInt64 = 0

    init(intervalMs: Int64, allowed: Int, nowMs: Int64) {
        self.intervalMs = max(intervalMs, 1)
        self.allowed = allowed
        deadlineMs = nowMs.after(self.intervalMs)
    }

    mutating func heard(_ nowMs: Int64) {
        unanswered = 0
        deadlineMs = nowMs.after(intervalMs)
    }

    /// Counts a PING and gives its number.
    mutating func pingSent() -> UInt64 {
        sent += 1
        return sent
    }

    /// False for a PONG without a PING.
    mutating func pongReceived() -> Bool {
        guard answered < sent else { return false }
        answered += 1
        return true
    }

    enum Due { case nothing, ping, stale }

    /// Called when time has passed; after `ping` the caller sends one.
    mutating func check(_ nowMs: Int64) -> Due {
        guard nowMs >= deadlineMs else { return .nothing }
        guard unanswered < allowed else { return .stale }
        unanswered += 1
        deadlineMs = nowMs.after(intervalMs)
        return .ping
    }
}
