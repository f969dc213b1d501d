package import PharosDomain

/// The engine of one relay whose work a shared backend does.
///
/// Every request is answered within twice the backend's time for a request: once that much for being carried out, and as
/// much again for learning how it ended. One that the backend has not answered by then gets a temporary error; whether it
/// was carried out is not known. So no fault of a link or of a broker leaves anybody without an answer.
package final class RemoteEngine: ChannelEngine {
    private let backend: any EngineBackend
    private let relay: Int
    private let inbox: EngineInbox
    private var open: OpenRequests

    /// - Parameters:
    ///   - relay: the relay's number in this node.
    ///   - wake: called when there is something to collect, on any thread, once until it is collected.
    package init(_ backend: any EngineBackend, relay: Int, wake: @escaping @Sendable () -> Void) {
        self.backend = backend
        self.relay = relay
        open = OpenRequests(limitMs: backend.answerLimitMs)
        inbox = EngineInbox(wake: wake)
        backend.open(relay: relay, inbox: inbox)
    }

    package func submit(_ request: EngineRequest, ticket: UInt64, at now: Moment, into events: inout [EngineEvent]) {
        if request.hasCompletion { open.add(ticket, nowMs: now.monotonicMs) }
        backend.submit(request, ticket: ticket, from: relay, at: now)
    }

    package func collect(at now: Moment, into events: inout [EngineEvent]) {
        for event in inbox.take() {
            // What comes after the relay was told that nothing came is too late.
            if case .completed(let ticket, _) = event, !open.take(ticket) { continue }
            events.append(event)
        }
    }

    package func answersAtOnce(_ options: ChannelOptions) -> Bool { false }

    package var isShared: Bool { true }

    package func expire(at now: Moment) {
        inbox.add(open.overdue(nowMs: now.monotonicMs).map { .completed(ticket: $0, .failure(.engineSilent)) })
    }
}

extension EngineBackend {
    /// From a request to its answer at most, in milliseconds.
    package var answerLimitMs: Int64 { 2 * requestTimeoutMs }
}

extension ReplyError {
    /// The engine's backend has not answered in time.
    ///
    /// Whether the request was carried out is not known.
    package static let engineSilent = ReplyError(
        code: 100, message: "the channel engine did not answer in time", isTemporary: true)
}
