/// The deadlines of one connection: pings, pongs, and the time to send `connect`.
///
/// In monotonic milliseconds.
struct Heartbeat: Equatable, Sendable {
    private let intervalMs: Int32
    private let timeoutMs: Int32
    private var nextPingMs: Int64
    /// While connecting the end of that time; afterwards the pong's deadline.
    ///
    /// 0 when no pong is awaited.
    private var deadlineMs: Int64
    private let firstPing: Float
    let usesFramePings: Bool

    init(settings: ClientSettings, firstPing: Double, usesFramePings: Bool, now: Moment) {
        intervalMs = Int32(clamping: Int64(settings.pingInterval * 1_000))
        timeoutMs = Int32(clamping: Int64(settings.pongTimeout * 1_000))
        deadlineMs = now.monotonicMs + Int64(settings.staleCloseDelay * 1_000)
        nextPingMs = .max
        self.firstPing = Float(firstPing)
        self.usesFramePings = usesFramePings
    }

    var pingSeconds: UInt32 { usesFramePings ? 0 : UInt32(intervalMs / 1_000) }
    var expectsPong: Bool { !usesFramePings && intervalMs > 0 && timeoutMs > 0 }

    /// Sets the first ping, after a random time in the second half of the interval.
    ///
    /// So the pings of many connections do not all come at once.
    mutating func connected(_ now: Moment) {
        deadlineMs = 0
        guard intervalMs > 0 else { return }
        nextPingMs = now.monotonicMs + Int64(intervalMs) / 2 + Int64(Float(intervalMs) / 2 * firstPing)
    }

    /// The connect was refused: the client is given a while to close.
    mutating func refused(_ now: Moment) { deadlineMs = now.monotonicMs + 5_000 }

    func isStale(_ now: Moment) -> Bool { now.monotonicMs >= deadlineMs }

    func isPongMissing(_ now: Moment) -> Bool { deadlineMs != 0 && now.monotonicMs >= deadlineMs }

    /// True at most once per ping: the next one is set.
    mutating func isPingDue(_ now: Moment) -> Bool {
        guard now.monotonicMs >= nextPingMs else { return false }
        nextPingMs = now.monotonicMs + Int64(intervalMs)
        if timeoutMs > 0 { deadlineMs = now.monotonicMs + Int64(timeoutMs) }
        return true
    }

    /// False when no ping was outstanding.
    mutating func pongReceived() -> Bool {
        guard deadlineMs != 0 else { return false }
        deadlineMs = 0
        return true
    }

    func nextDeadline(isConnected: Bool) -> Int64 {
        guard isConnected else { return deadlineMs }
        return deadlineMs == 0 ? nextPingMs : min(deadlineMs, nextPingMs)
    }
}
