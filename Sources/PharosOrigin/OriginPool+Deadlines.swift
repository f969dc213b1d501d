import NIOCore

/// When exchanges are over, answered or not. On the event loop only.
extension OriginPool {
    /// One timer, for the exchange whose time is over first.
    ///
    /// It need not be moved when that one ends in time.
    func setTimer() {
        while let first = deadlines.first, first.isFinished { deadlines.removeFirst() }
        // One slow answer must not keep the remains of all quick ones behind it.
        if deadlines.count > 2 * unfinished + 1_024 { deadlines = CircularBuffer(deadlines.filter { !$0.isFinished }) }
        guard timer == nil, let first = deadlines.first else { return }
        timer = loop.scheduleTask(deadline: first.deadline) { [self] in
            timer = nil
            expire(.now())
        }
    }

    private func expire(_ now: NIODeadline) {
        while let first = deadlines.first, first.isFinished || first.deadline <= now {
            deadlines.removeFirst()
            guard !first.isFinished else { continue }
            // A connection that still waits to be opened may yet be of use to others.
            let connection = first.connection
            finish(first, .failure(.timeout))
            if let connection, connection.exchange === first, connection.isInUse { connection.close() }
        }
        serveWaiting()
        setTimer()
    }

    /// Ends everything: what is open is answered, connections are closed.
    ///
    /// - Returns: when the last connection has gone.
    func shutDown() -> EventLoopFuture<Void> {
        loop.flatSubmit { [self] in
            if let stopped { return stopped.futureResult }
            let stopped = loop.makePromise(of: Void.self)
            self.stopped = stopped
            isShutDown = true
            idleCheck?.cancel()
            timer?.cancel()
            timer = nil
            for exchange in deadlines { finish(exchange, .failure(.shutdown)) }
            deadlines.removeAll()
            waiting.removeAll()
            for connection in connections.values { connection.close() }
            if connections.isEmpty { stopped.succeed() }
            return stopped.futureResult
        }
    }
}
