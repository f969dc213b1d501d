import PharosBytes
import PharosCluster
import PharosDomain
import PharosLinks
import PharosNATS

/// The link to the servers: its loss and return, and what waits for it.
extension NATSEngineCore {
    /// Requests that wait for the link.
    private static let parkedLimit = 20_000

    func linked(_ info: NATSInfo) {
        trouble = ""
        if !reportedTroubles.isEmpty { settings.report("nats: \(connection.address): connected") }
        reportedTroubles = []
        checkServer(info)
        if !isLinked {
            isLinked = true
            for relay in inboxes.keys { report(.linkRegained, to: relay) }
        }
        let waiting = parked
        parked = []
        for entry in waiting { carryOut(entry.submission) }
        mark()
        noteHealth()
    }

    func unlinked(_ reason: String) {
        trouble = reason
        // It is tried again and again: the same failure is told once.
        if reportedTroubles.insert(reason).inserted {
            settings.report("nats: \(connection.address): not connected: \(reason)")
        }
        failMarks()
        if isLinked {
            isLinked = false
            for relay in inboxes.keys { report(.linkLost, to: relay) }
        }
        noteHealth()
    }

    func noteHealth() {
        let link = "\(connection.address): \(connection.isReady ? "connected" : "not connected (\(trouble))")"
        let history = historyRefusal.map { "JetStream: \($0.message)" } ?? "JetStream: in use"
        let isReady = connection.isReady && historyRefusal == nil
        shared.health.withLock {
            $0 = EngineHealth(isReady: isReady, links: connection.isReady ? [link, history] : [link])
        }
    }

    /// Lets a request wait for the link, for a short time.
    func park(_ submission: NATSBackend.Submission) {
        guard parked.count < NATSEngineCore.parkedLimit else { return refuse(submission, .internalError) }
        parked.append(Parked(submission: submission, untilMs: nowMs + min(settings.requestTimeoutMs, 2_000)))
        if parkTimer == nil { armPark() }
    }

    private func armPark() {
        parkTimer = nil
        guard let first = parked.first else { return }
        parkTimer = loop.after(first.untilMs - nowMs) { [unowned self] in
            let late = parked.prefix { $0.untilMs <= nowMs }
            parked.removeFirst(late.count)
            for entry in late { refuse(entry.submission, .internalError) }
            deliver()
            armPark()
        }
    }

    /// Ends the connection, and everything that is open with a temporary error.
    func close() {
        guard !isClosed else { return }
        for entry in parked { refuse(entry.submission, .internalError) }
        parked = []
        refuseWriters()
        failMarks()
        connection.close()
        isClosed = true
        deliver()
    }
}
