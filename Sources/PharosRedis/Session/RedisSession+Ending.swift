import PharosBytes

extension RedisSession {
    /// Ends the session if its handshake or a command is past the deadline.
    package mutating func advance(toMs nowMs: Int64) {
        if case .handshake(_, let deadlineMs) = state, deadlineMs <= nowMs {
            end(.handshakeTimedOut, nowMs: nowMs)
        } else if let deadlineMs = waiting.earliestDeadlineMs, deadlineMs <= nowMs {
            end(.commandTimedOut, nowMs: nowMs)
        }
    }

    /// Says that the connection has ended, or could not be made.
    package mutating func disconnected() { end(.disconnected) }

    /// Ends the session by its owner's will; what waits fails.
    package mutating func close() { end(.closed) }

    /// Ends everything that waits, in order; then the session.
    ///
    /// - Parameter nowMs: commands with a deadline up to it have timed out.
    mutating func end(_ reason: RedisCloseReason, nowMs: Int64 = .min) {
        guard !isClosed else { return }
        while let entry = waiting.popFirst() {
            let delivery: RedisFailure.Delivery = isSent(entry) ? .outcomeUnknown : .notSent
            let failure: RedisFailure = entry.deadlineMs <= nowMs ? .timedOut(delivery) : .closed(delivery)
            events.append(.failed(entry.ticket, failure))
        }
        state = .closed
        held = []
        output.removeAll()
        parser = RESPParser(limits: options.limits)
        events.append(.closed(reason))
    }

    /// Whether the last byte of a command was handed to the connection.
    func isSent(_ entry: WaitingCommand) -> Bool {
        guard let endOffset = entry.endOffset else { return false }
        return endOffset <= output.sentOffset
    }
}
