import PharosRedis

extension RedisMaster {
    private var kind: RedisSubscriptionKind { isShard ? .shard : .channel }

    func subscribe(_ channel: [UInt8]) {
        guard let order = wanted.want(RedisSubscriptions.Key(kind, channel)) else { return }
        // A new connection begins with all that is wanted.
        if subscriptions.isReady { change(order) }
    }

    func unsubscribe(_ channel: [UInt8]) {
        guard let order = wanted.drop(RedisSubscriptions.Key(kind, channel)) else { return }
        if subscriptions.isReady { change(order) }
    }

    func subscribeAgain(_ channel: [UInt8]) {
        guard let order = wanted.again(RedisSubscriptions.Key(kind, channel)), subscriptions.isReady else { return }
        change(order)
    }

    private func change(_ order: RedisSubscriptionOrder, isReplay: Bool = false) {
        subscriptions.change(order, withinMs: settings.requestTimeoutMs) { [weak self] failure in
            guard let self else { return }
            if case .server(let error)? = failure {
                self.wanted.noteFailure(of: order)
                if order.isSubscribe {
                    for channel in order.channels { self.owner?.ended(channel: channel, at: self, error) }
                }
            } else if failure != nil {
                return
            }
            guard isReplay else { return }
            self.replaying -= 1
            self.noteBack()
        }
    }

    func noteBack() {
        guard subscriptions.isReady, replaying == 0 else { return }
        isSubscribed = true
        guard isBack else { return }
        isReportedGone = false
        owner?.isBack(self)
    }

    /// Subscribes to all that is wanted, on a new connection.
    func replay() {
        if let probe, !wanted.isWanted(RedisSubscriptions.Key(kind, Array(probe.name.utf8))) {
            _ = wanted.want(RedisSubscriptions.Key(kind, Array(probe.name.utf8)))
        }
        let orders = wanted.replay()
        replaying = orders.count
        for order in orders { change(order, isReplay: true) }
        noteBack()
    }

    /// Changes where the probe goes.
    func setProbe(_ name: String, tag: Int) {
        if let probe { unsubscribe(Array(probe.name.utf8)) }
        probe = (name, tag)
        subscribe(Array(name.utf8))
    }

    /// Looks whether the subscriptions have been silent for too long.
    ///
    /// Called now and then.
    func look(at nowMs: Int64, publish: (RedisMaster) -> Void) {
        guard isSubscribed, subscriptions.isReady else {
            probedMs = nil
            return
        }
        let silenceMs = nowMs - subscriptions.lastHeardMs
        guard silenceMs >= settings.probeAfterMs else {
            probedMs = nil
            return
        }
        // A process that was stopped has not probed: it asks first.
        if let probedMs {
            guard nowMs - probedMs >= settings.probeAfterMs else { return }
            self.probedMs = nil
            report("\(name): no message for \(silenceMs) ms, not the probe's either: the link is made anew")
            subscriptions.reconnect("a probe did not arrive")
            owner?.doubts(self)
        } else if probe != nil {
            probedMs = nowMs
            publish(self)
        }
    }
}
