import PharosCluster
import PharosDomain
import PharosLinks
import PharosRedis

extension RedisEngineCore {
    func follow(_ channel: ChannelName, _ options: ChannelOptions, _ relay: Int) {
        let retention = options.hasHistory ? StreamRetention(options, settings.channel) : nil
        guard followed.follow(channel, relay, retention) else { return }
        guard let master = topology.master(ofTag: RedisNames.tag(of: channel)) else {
            // What is asked meanwhile waits until the master is known, and the subscription confirmed.
            if !topology.isLooking { interrupt(channel) }
            return
        }
        subscribe(channel, at: master)
    }

    func unfollow(_ channel: ChannelName, _ relay: Int) {
        guard let entry = followed.unfollow(channel, relay) else { return }
        homes.removeValue(forKey: channel)?.unsubscribe(Array(names.messages(channel).utf8))
        route(entry.waiting, channel)
    }

    private func subscribe(_ channel: ChannelName, at master: RedisMaster) {
        homes[channel] = master
        if master.subscriptions.isDown { interrupt(channel) }
        master.subscribe(Array(names.messages(channel).utf8))
    }

    /// Subscribes where the channel is now, if that is elsewhere than before.
    func rehome(_ channel: ChannelName) {
        guard followed[channel] != nil else { return }
        let name = Array(names.messages(channel).utf8)
        let master = topology.master(ofTag: RedisNames.tag(of: channel))
        let old = homes[channel]
        guard master !== old else {
            if let master {
                if followed[channel]?.state == .lost { master.subscribeAgain(name) }
            } else if !topology.isLooking {
                interrupt(channel)
            }
            return
        }
        old?.unsubscribe(name)
        homes[channel] = nil
        if old != nil || master == nil { interrupt(channel) }
        if let master { subscribe(channel, at: master) }
    }

    /// Publications may be missed until the channel is live again.
    ///
    /// Requests do not wait for that any more.
    func interrupt(_ channel: ChannelName) {
        followed.interrupt(channel)
        route(followed.set(.lost, channel), channel)
    }

    func route(_ asks: [Ask], _ channel: ChannelName) {
        for ask in asks { route(ask, channel) }
        if !asks.isEmpty { endRound() }
    }

    // MARK: RedisMasterOwner

    func isLive(channel name: [UInt8], at master: RedisMaster) {
        guard let channel = names.channel(ofMessages: name), homes[channel] === master else { return }
        let waiting = followed.set(.live, channel)
        if followed.takeInterruption(channel), !isLost, let entry = followed[channel] {
            for (relay, _) in entry.relays { inboxes[relay]?.add(.gap(channel: channel)) }
        }
        route(waiting, channel)
    }

    func ended(channel name: [UInt8], at master: RedisMaster, _ error: RedisServerError?) {
        guard let channel = names.channel(ofMessages: name), homes[channel] === master else { return }
        interrupt(channel)
        if let error, !error.isTemporary { report("\(master.name): a subscription was refused: \(error)") }
        if case .moved(let redirection)? = error?.kind {
            _ = topology.redirected(redirection, isLasting: true, from: master)
        } else {
            topology.look()
        }
        // By then the map is a new one; if not, it is tried again. What is forbidden is not tried as often.
        loop.after(error?.isTemporary == false ? 5_000 : 100) { [weak self] in self?.rehome(channel) }
    }

    func heard(channel name: [UInt8], payload: [UInt8], from master: RedisMaster) {
        guard let channel = names.channel(ofMessages: name), let entry = followed[channel],
            let message = EngineMessage(payload)
        else { return }
        switch message.kind {
        case .member:
            guard let member = try? message.envelope.withUnsafeBytes({ try MemberEnvelope($0) }) else { return }
            for (relay, _) in entry.relays { inboxes[relay]?.add(.member(channel: channel, member.change)) }
        case .publication:
            guard let envelope = try? message.envelope.withUnsafeBytes({ try PublicationEnvelope($0) }) else { return }
            var publication = envelope.publication
            publication.offset = message.position.offset
            for (relay, retention) in entry.relays {
                let delivery = EngineDelivery(
                    publication: publication, epoch: message.position.epoch,
                    retention: publication.offset > 0 ? retention : nil, except: envelope.except)
                inboxes[relay]?.add(.publication(channel: channel, delivery))
            }
            guard let token = message.token, token.sender == sender, let waited = own.reported(token.number) else {
                return
            }
            complete(waited.ask, waited.outcome)
        }
    }
}
