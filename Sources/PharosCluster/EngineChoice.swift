package import PharosDomain

/// Several engines of one relay side by side, each for some of the namespaces.
///
/// One that loses its links does not stop the others. `linkLost` and `linkRegained` are about all channels of a relay: in
/// place of them a gap is reported in each channel that is followed at that engine, so the relay believes no copy of it
/// and asks, until the engine answers again.
package final class EngineChoice: ChannelEngine {
    private let engines: [any ChannelEngine]
    private let place: (ChannelName) -> Int
    private var followed: [Set<ChannelName>]

    /// - Parameters:
    ///   - engines: the first one has all namespaces without an engine of their own.
    ///   - place: which of them has a channel.
    package init(_ engines: [any ChannelEngine], place: @escaping (ChannelName) -> Int) {
        self.engines = engines
        self.place = place
        followed = engines.map { _ in [] }
    }

    package func submit(_ request: EngineRequest, ticket: UInt64, at now: Moment, into events: inout [EngineEvent]) {
        let index = place(request.channel)
        switch request {
        case .follow(let channel, _): followed[index].insert(channel)
        case .unfollow(let channel): followed[index].remove(channel)
        default: break
        }
        var own: [EngineEvent] = []
        engines[index].submit(request, ticket: ticket, at: now, into: &own)
        report(own, of: index, into: &events)
    }

    package func collect(at now: Moment, into events: inout [EngineEvent]) {
        for index in engines.indices {
            var own: [EngineEvent] = []
            engines[index].collect(at: now, into: &own)
            report(own, of: index, into: &events)
        }
    }

    private func report(_ own: [EngineEvent], of index: Int, into events: inout [EngineEvent]) {
        for event in own {
            switch event {
            case .linkLost, .linkRegained: events += followed[index].map { .gap(channel: $0) }
            default: events.append(event)
            }
        }
    }

    package func answersAtOnce(_ options: ChannelOptions) -> Bool { false }

    package var isShared: Bool { true }

    package func expire(at now: Moment) {
        for engine in engines { engine.expire(at: now) }
    }
}
