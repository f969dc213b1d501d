import PharosCluster
import PharosDomain

@testable import PharosNATSEngine

/// An engine that follows each channel that is published to.
///
/// A shared engine reports followed channels only; the checks for stores expect every publication to be reported.
final class FollowingEngine: ChannelEngine {
    private let engine: RemoteEngine
    private let backend: NATSBackend
    private var followed: Set<ChannelName> = []

    init(_ backend: NATSBackend, wake: @escaping @Sendable () -> Void) {
        self.backend = backend
        engine = RemoteEngine(backend, relay: 0, wake: wake)
    }

    deinit { backend.close() }

    func submit(_ request: EngineRequest, ticket: UInt64, at now: Moment, into events: inout [EngineEvent]) {
        if case .publish(let publish) = request, followed.insert(publish.channel).inserted {
            var options = publish.options
            if !options.hasHistory { (options.historySize, options.historyTTL) = (5, 10) }
            engine.submit(.follow(channel: publish.channel, options: options), ticket: 0, at: now, into: &events)
        }
        engine.submit(request, ticket: ticket, at: now, into: &events)
    }

    func collect(at now: Moment, into events: inout [EngineEvent]) { engine.collect(at: now, into: &events) }
    func answersAtOnce(_ options: ChannelOptions) -> Bool { false }
    var isShared: Bool { true }
    func expire(at now: Moment) {}
}
