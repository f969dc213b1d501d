import PharosBytes

extension NATSSession {
    /// Time has passed: sends PINGs and ends what is over.
    ///
    /// That is requests without an answer, and a connection that is stale or not ready in time.
    package mutating func advance(to nowMs: Int64) {
        switch state {
        case .closed:
            return
        case .awaitingInfo, .startingTLS, .connecting:
            if nowMs >= connectDeadlineMs { finish(.connectTimeout) }
        case .ready:
            expireRequests(nowMs)
            switch keepAlive.check(nowMs) {
            case .nothing: break
            case .ping: ping()
            case .stale: finish(.stale)
            }
        }
    }

    /// The connection has ended.
    package mutating func disconnected() { finish(.disconnected) }

    /// Ends the session. What it has written before may still be sent.
    package mutating func close() { finish(.closed) }

    /// Ends the session once; later reasons are of no interest.
    mutating func finish(_ reason: NATSCloseReason) {
        guard !isClosed else { return }
        if drainPing != nil { subscriptions.removeAll() }
        state = .closed(reason)
        loseRequests()
        events.append(.closed(reason))
    }
}
