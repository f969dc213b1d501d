package import PharosDomain

/// The engine of one relay whose work a shared backend does.
package final class RemoteEngine: ChannelEngine {
    private let backend: any EngineBackend
    private let relay: Int
    private let inbox: EngineInbox

    /// - Parameters:
    ///   - relay: the relay's number in this node.
    ///   - wake: called when there is something to collect, on any thread, once until it is collected.
    package init(_ backend: any EngineBackend, relay: Int, wake: @escaping @Sendable () -> Void) {
        self.backend = backend
        self.relay = relay
        inbox = EngineInbox(wake: wake)
        backend.open(relay: relay, inbox: inbox)
    }

    package func submit(_ request: EngineRequest, ticket: UInt64, at now: Moment, into events: inout [EngineEvent]) {
        backend.submit(request, ticket: ticket, from: relay, at: now)
    }

    package func collect(at now: Moment, into events: inout [EngineEvent]) { events += inbox.take() }

    package func answersAtOnce(_ options: ChannelOptions) -> Bool { false }

    package var isShared: Bool { true }

    package func expire(at now: Moment) {}
}
