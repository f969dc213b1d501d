/// From an order that the service carries out to the live subscription.
extension ClientSession {
    /// Publications kept for a subscription while its stream is read.
    ///
    /// Beyond it nothing can be proved, and the client has to connect anew.
    package static var recoveryBufferLimit: Int { 4_096 }

    /// A live publication came while the stream is being read.
    package mutating func publicationArrived(_ publication: Publication, generation: UInt32) {
        guard let index = pending.firstIndex(where: { $0.generation == generation }) else { return }
        pending[index].keep(publication)
    }

    /// The service has read the stream of an order, or could not.
    ///
    /// A channel without a stream has been read as nil. The channels of a connect become live together, with its reply: a
    /// publication of one must not overtake the reply that the others still hold up. Until then what was read is kept, like
    /// what follows it.
    package mutating func attached(
        generation: UInt32, _ answer: Result<StreamRead?, ReplyError>, _ context: SessionContext
    ) -> SubscribeCompletion {
        guard let index = pending.firstIndex(where: { $0.generation == generation }),
            case .attaching(let order, let buffer) = pending[index].stage
        else { return .late }
        let read: StreamRead?
        switch answer {
        case .success(let value): read = value
        case .failure(let error):
            // A client's own subscribe is refused, and it tries again; the server's wish stands, so all begins anew.
            guard case .command(let command) = order.purpose else { return .disconnect(.serverError) }
            pending.remove(at: index)
            return .refused(.ordered(order), Reply(id: command, result: .error(error)))
        }
        guard order.purpose == .connect else {
            switch decide(order, read, buffer, context) {
            case .live(let result, let position):
                pending[index].stage = .binding(order, result, position: position)
                return .ready([order])
            case .unrecovered(let command):
                pending.remove(at: index)
                return .refused(.ordered(order), Reply(id: command, result: .error(.unrecoverablePosition)))
            case .disconnect(let reason): return .disconnect(reason)
            }
        }
        pending[index].stage = .read(order, read, buffer)
        return connectRead(context)
    }

    /// One more channel of a connect has been read.
    private mutating func connectRead(_ context: SessionContext) -> SubscribeCompletion {
        guard case .connecting(let connecting) = state, case .subscribing(var result) = connecting.stage else {
            return .late
        }
        guard pending.allSatisfy(\.isRead) else { return .waits }
        var decided = pending
        for index in decided.indices {
            guard case .read(let order, let read, let buffer) = decided[index].stage else { return .waits }
            switch decide(order, read, buffer, context) {
            case .live(let subscribed, let position):
                decided[index].stage = .binding(order, subscribed, position: position)
                result.subscriptions[order.channel] = subscribed
            case .unrecovered: return .disconnect(.insufficientState)
            case .disconnect(let reason): return .disconnect(reason)
            }
        }
        pending = decided
        state = .connecting(Connecting(connecting.connect, .subscribing(result)))
        return .ready(decided.compactMap(\.order))
    }

    private enum Decision {
        case live(SubscribeResult, position: StreamPosition?)
        /// The command asked to be refused rather than to miss something.
        case unrecovered(command: UInt32)
        case disconnect(Disconnect)
    }

    private func decide(
        _ order: SubscribeOrder, _ read: StreamRead?, _ buffer: RecoveryBuffer, _ context: SessionContext
    ) -> Decision {
        guard case .complete(let buffered) = buffer else { return .disconnect(.insufficientState) }
        var result = SubscribeResult()
        result.expires = order.expireAt != 0 && !order.flags.contains(.isRefreshedByHook)
        result.ttl = result.expires ? ttl(order.expireAt, context) : 0
        result.data = order.data
        guard let read, order.flags.contains(.isPositioned) else { return .live(result, position: nil) }
        let recovery: Recovery
        do throws(Recovery.Failure) {
            recovery = try Recovery.merge(
                from: order.recoverFrom, mode: order.recoveryMode, read: read, buffered: buffered)
        } catch {
            return .disconnect(.insufficientState)
        }
        if order.recoverFrom != nil, !recovery.isRecovered, order.rejectsUnrecovered,
            case .command(let command) = order.purpose
        {
            return .unrecovered(command: command)
        }
        result.positioned = true
        result.delta = order.flags.contains(.usesDelta)
        result.recoverable = order.flags.contains(.isRecoverable)
        result.epoch = recovery.epoch
        result.offset = recovery.offset
        result.publications = recovery.publications
        result.recovered = recovery.isRecovered
        result.wasRecovering = order.recoverFrom != nil
        return .live(result, position: StreamPosition(offset: recovery.position, epoch: recovery.epoch))
    }

    /// The service has bound a subscription that was ready: now it is live.
    ///
    /// - Returns: nil if it is not ready, or gone.
    package mutating func wentLive(
        generation: UInt32, binding: UInt32, _ context: SessionContext
    ) -> LiveSubscription? {
        guard let index = pending.firstIndex(where: { $0.generation == generation }),
            case .binding(let order, let result, let position) = pending[index].stage
        else { return nil }
        pending.remove(at: index)
        let subscription = Subscription(
            channel: order.channel, generation: generation, flags: order.flags, binding: binding,
            expireAt: order.expireAt, info: order.info)
        let earlier = subscriptions.lastIndex { $0.generation < generation }
        subscriptions.insert(subscription, at: earlier.map { $0 + 1 } ?? 0)
        return LiveSubscription(
            subscription: subscription, answer: answer(order, result, context), position: position)
    }

    private mutating func answer(
        _ order: SubscribeOrder, _ result: SubscribeResult, _ context: SessionContext
    ) -> LiveSubscription.Answer {
        switch order.purpose {
        case .command(let id): return .reply(Reply(id: id, result: .subscribe(result)))
        case .connect: return .partOfConnect(connectReply(context))
        case .server:
            var subscription = ServerSubscription()
            subscription.recoverable = result.recoverable
            subscription.positioned = result.positioned
            subscription.epoch = result.epoch
            subscription.offset = result.offset
            subscription.data = result.data
            // The push has no room for publications: they follow it, from the offset that it names.
            let missed = result.publications.map { Push.Event.publication($0, epoch: "") }
            return .pushes(([.subscribe(subscription)] + missed).map { Push(channel: order.channel, event: $0) })
        }
    }

    /// The service keeps a live subscription elsewhere from now on.
    package mutating func bind(generation: UInt32, to binding: UInt32) {
        guard let index = subscriptions.firstIndex(where: { $0.generation == generation }) else { return }
        subscriptions[index].binding = binding
    }
}
