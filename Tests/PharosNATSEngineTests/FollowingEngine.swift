import PharosCluster
import PharosDomain

@testable import PharosNATSEngine

/// An engine that follows each channel that is published to.
///
/// A shared engine reports followed channels only; the checks for stores expect every publication to be reported. Their
/// clock stands still while the server's goes on, so all times to live are made longer.
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
        let request = FollowingEngine.stretched(request)
        if case .publish(let publish) = request, followed.insert(publish.channel).inserted {
            engine.submit(
                .follow(channel: publish.channel, options: publish.options), ticket: 0, at: now, into: &events)
        }
        engine.submit(request, ticket: ticket, at: now, into: &events)
    }

    private static func stretched(_ request: EngineRequest) -> EngineRequest {
        func stretched(_ options: ChannelOptions) -> ChannelOptions {
            var options = options
            options.historyTTL *= 100
            options.historyMetaTTL *= 100
            return options
        }
        switch request {
        case .publish(var publish):
            publish.options = stretched(publish.options)
            return .publish(publish)
        case .read(let channel, let options, let after, let limit, let floor):
            return .read(channel: channel, options: stretched(options), after: after, limit: limit, floor: floor)
        case .readBackwards(let channel, let options, let before, let limit, let floor):
            return .readBackwards(
                channel: channel, options: stretched(options), before: before, limit: limit, floor: floor)
        case .removeHistory(let channel, let options):
            return .removeHistory(channel: channel, options: stretched(options))
        case .follow, .unfollow, .announce: return request
        }
    }

    func collect(at now: Moment, into events: inout [EngineEvent]) { engine.collect(at: now, into: &events) }
    func answersAtOnce(_ options: ChannelOptions) -> Bool { false }
    var isShared: Bool { true }
    func expire(at now: Moment) {}
}
