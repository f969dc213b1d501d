import PharosBytes

extension NATSSession {
    /// Publishes a message.
    ///
    /// - Throws: `NATSOrderError`; nothing is written then.
    package mutating func publish(
        _ payload: [UInt8], to subject: String, reply: String? = nil, headers: NATSHeaders = NATSHeaders()
    ) throws(NATSOrderError) {
        guard state == .ready, let info else { throw .notReady }
        guard headers.isEmpty || info.supportsHeaders else { throw .headersUnsupported }
        let bytes = payload.count + (headers.isEmpty ? 0 : headers.blockBytes)
        guard info.maxPayload <= 0 || bytes <= info.maxPayload else { throw .payloadTooLarge(limit: info.maxPayload) }
        try writer.publish(payload, to: subject, reply: reply, headers: headers)
    }

    /// Subscribes, at once if the connection is ready and else as soon as it is.
    ///
    /// - Returns: the number that the messages will have.
    package mutating func subscribe(to subject: String, queue: String? = nil) throws(NATSOrderError) -> UInt64 {
        guard !isClosed else { throw .notReady }
        guard drainPing == nil else { throw .draining }
        let subscription = try subscriptions.add(subject, queue: queue)
        if state == .ready { try writer.subscribe(subscription, to: subject, queue: queue) }
        return subscription
    }

    /// Ends a subscription, at once or after `count` further messages.
    ///
    /// At once: what the server sends before it has heard of it is dropped.
    package mutating func unsubscribe(_ subscription: UInt64, after count: UInt64 = 0) throws(NATSOrderError) {
        guard subscriptions[subscription] != nil else { throw .unknownSubscription }
        if count > 0 {
            let maximum = subscriptions.end(subscription, after: count)
            if state == .ready, let maximum { writer.unsubscribe(subscription, after: maximum) }
        } else {
            subscriptions.remove(subscription)
            if state == .ready { writer.unsubscribe(subscription) }
        }
    }

    /// Ends all subscriptions without losing what is on its way.
    ///
    /// When the server has heard of it and all requests have ended, `drained` says so. Publishing stays possible until
    /// `close`, so that the last messages can be answered.
    package mutating func drain() throws(NATSOrderError) {
        guard state == .ready else { throw .notReady }
        guard drainPing == nil else { return }
        for (subscription, _) in subscriptions.ordered { writer.unsubscribe(subscription) }
        drainPing = ping()
    }

    func isPastDrainPing() -> Bool { drainPing.map { keepAlive.answered >= $0 } ?? false }

    mutating func endDrainIfDone() {
        guard state == .ready, !isDrained, isPastDrainPing() else { return }
        subscriptions.removeAll()
        guard requests.isEmpty else { return }
        isDrained = true
        events.append(.drained)
    }
}
