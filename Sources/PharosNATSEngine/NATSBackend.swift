package import PharosBytes
package import PharosCluster
package import PharosDomain
package import PharosLinks

/// The engine over NATS and JetStream.
///
/// Core subjects carry what is only delivered, JetStream keeps the rest.
///
/// Requests are handed to a link thread, many at once; everything else happens there. See `ChannelWriter` for how the
/// nodes number together, `StreamNames` for where things are, and `FirstEpoch` for how a loss of memory shows. Any
/// thread.
package final class NATSBackend: EngineBackend {
    struct Submission: Sendable {
        var request: EngineRequest
        var ticket: UInt64
        var relay: Int
    }

    private struct State: Sendable {
        var waiting: [Submission] = []
        var isClosed = false
    }

    /// Serves the connection; a bus may use it, too, if it is closed first.
    package let thread: LinkThread
    private let state = Locked(State())
    private let shared: NATSEngineShared
    private let core: NATSEngineCore
    package let requestTimeoutMs: Int64

    /// Begins to connect.
    package init(_ settings: NATSEngineSettings) throws(SystemThread.StartFailure) {
        thread = try LinkThread(name: "pharos-nats")
        requestTimeoutMs = settings.requestTimeoutMs
        shared = NATSEngineShared()
        core = NATSEngineCore(settings, shared)
        thread.perform { [core] loop in core.start(on: loop) }
    }

    deinit { close() }

    package func open(relay: Int, inbox: EngineInbox) {
        shared.inboxes.withLock { $0[relay] = inbox }
        thread.perform { [core] _ in core.open(relay, inbox) }
    }

    package func submit(_ request: EngineRequest, ticket: UInt64, from relay: Int, at now: Moment) {
        let submission = Submission(request: request, ticket: ticket, relay: relay)
        let (isClosed, isFirst) = state.withLock { state in
            if state.isClosed { return (true, false) }
            state.waiting.append(submission)
            return (false, state.waiting.count == 1)
        }
        if isClosed { return refuse(submission) }
        guard isFirst else { return }
        thread.perform { [core, state] _ in
            let taken = state.withLock { state in
                var taken: [Submission] = []
                swap(&taken, &state.waiting)
                return taken
            }
            core.take(taken)
        }
    }

    /// After the end there is no thread that could answer.
    private func refuse(_ submission: Submission) {
        guard submission.request.hasCompletion else { return }
        let inbox = shared.inboxes.withLock { $0[submission.relay] }
        inbox?.add(.completed(ticket: submission.ticket, .failure(.internalError)))
    }

    package func nodesChanged(_ nodes: [UInt64], here: UInt64) {
        guard !state.withLock({ $0.isClosed }) else { return }
        thread.perform { [core] _ in core.nodesChanged(nodes, here: here) }
    }

    package var health: EngineHealth { shared.health.withLock { $0 } }

    package func close() {
        let wasClosed = state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        guard !wasClosed else { return }
        thread.perform { [core] _ in core.close() }
        thread.stop()
    }
}

/// The state that the link thread shares with all others.
final class NATSEngineShared: Sendable {
    let inboxes = Locked<[Int: EngineInbox]>([:])
    let health = Locked(EngineHealth(isReady: false, links: []))
}
