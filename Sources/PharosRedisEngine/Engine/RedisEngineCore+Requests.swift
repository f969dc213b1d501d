import PharosCluster
import PharosDomain

/// The requests of relays, each sent to the server that has its channel.
extension RedisEngineCore {
    func take(_ asks: [Ask]) {
        for ask in asks { take(ask) }
        endRound()
    }

    /// Ends a round: what was published in it is waited for once.
    func endRound() {
        round?.seal()
        round = nil
        for master in topology.masters { master.endRound() }
    }

    private func take(_ ask: Ask) {
        switch ask.request {
        case .follow(let channel, let options): if !isClosed { follow(channel, options, ask.relay) }
        case .unfollow(let channel): if !isClosed { unfollow(channel, ask.relay) }
        case _ where isClosed: complete(ask, .failure(.engineClosed))
        case .publish(let publish): route(ask, publish.channel)
        case .read(let channel, _, _, _, _), .readBackwards(let channel, _, _, _, _), .removeHistory(let channel, _),
            .announce(_, let channel):
            route(ask, channel)
        }
    }

    /// Carries a request out, after those that wait for its channel.
    func route(_ ask: Ask, _ channel: ChannelName) {
        if followed.hold(ask, channel) { return }
        guard let master = topology.master(ofTag: RedisNames.tag(of: channel)) else {
            if topology.isLooking, !isClosed { return unrouted.append(ask) }
            return complete(ask, .failure(.engineAway))
        }
        switch ask.request {
        case .publish(let request): publish(ask, request, at: master)
        case .announce(let change, let channel): announce(ask, change, channel, at: master)
        case .read(let channel, let options, let after, let limit, _):
            read(ask, channel, options, RedisRange(after: after, limit: limit), at: master)
        case .readBackwards(let channel, let options, let before, let limit, _):
            read(ask, channel, options, RedisRange(before: before, limit: limit), at: master)
        case .removeHistory(let channel, _): removeHistory(ask, channel, at: master)
        case .follow, .unfollow: preconditionFailure("these are not routed")
        }
    }

    /// Ends a request; those without a completion are only counted.
    func complete(_ ask: Ask, _ outcome: Outcome) {
        completed(ask.bytes)
        switch ask.request {
        case .announce, .follow, .unfollow: break
        case .publish, .read, .readBackwards, .removeHistory:
            inboxes[ask.relay]?.add(.completed(ticket: ask.ticket, outcome))
        }
    }
}
