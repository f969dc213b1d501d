/// Subscribing: reserve, verify, read, merge, answer; each step may be the last.
extension ClientSession {
    mutating func subscribeReceived(
        _ command: UInt32, _ request: SubscribeRequest, _ context: SessionContext
    ) -> SessionAction {
        guard !request.channel.isEmpty else { return .disconnect(.badRequest) }
        guard request.channel.utf8.count <= context.rules.settings.maxLength else {
            return refuse(command, .badRequest)
        }
        guard subscription(of: request.channel) == nil else { return refuse(command, .alreadySubscribed) }
        guard subscriptions.count < context.settings.channelLimit else { return refuse(command, .limitExceeded) }
        guard request.delta.isEmpty || request.delta == "fossil" else { return .disconnect(.badRequest) }
        guard !request.unsupported.contains(.tagsFilter) else { return refuse(command, .badRequest) }
        guard request.unsupported.isEmpty else { return refuse(command, .permissionDenied) }
        let options: ChannelOptions
        do throws(ReplyError) { options = try context.rules.resolve(request.channel).options } catch {
            return refuse(command, error)
        }
        if !request.token.isEmpty {
            let generation = reserve(request.channel)
            pending.append(
                PendingSubscribe(generation: generation, request: request, command: command, options: options))
            return .verifySubscription(generation: generation, token: request.token)
        }
        guard !context.rules.isPrivate(request.channel) else { return refuse(command, .permissionDenied) }
        if !options.subscribeHook.isEmpty, !context.permissions.isUserLimited(request.channel, options) {
            return askSubscribe(command, request, options, context)
        }
        guard
            context.permissions.maySubscribe(request.channel, user: user, options: options)
        else { return refuse(command, .permissionDenied) }
        let generation = reserve(request.channel)
        let order = makeOrder(
            generation, request, options, SubscriptionOptions(), purpose: .command(command), context)
        pending.append(
            PendingSubscribe(
                generation: generation, request: request, command: command, options: options, order: order))
        return .subscribe(order)
    }

    /// The token of the subscription with this generation has been looked at.
    package mutating func subscriptionVerified(
        generation: UInt32, _ outcome: TokenOutcome<SubscriptionClaims>, _ context: SessionContext
    ) -> SessionAction {
        guard let index = pending.firstIndex(where: { $0.generation == generation }) else { return .none }
        let waiting = pending[index]
        switch outcome {
        case .valid(let claims):
            guard matches(claims, waiting.request.channel) else { return .disconnect(.invalidToken) }
            var options = claims.options
            options.expireAt = claims.expireAt
            let order = makeOrder(
                generation, waiting.request, waiting.options, options, purpose: .command(waiting.command), context)
            pending[index].order = order
            return .subscribe(order)
        case .expired:
            release(generation)
            return refuse(waiting.command, .tokenExpired)
        case .invalid:
            release(generation)
            return refuse(waiting.command, .permissionDenied)
        case .tooLong:
            release(generation)
            return refuse(waiting.command, .tokenTooLong)
        case .needsKeys, .unavailable:
            release(generation)
            return refuse(waiting.command, .internalError)
        }
    }

    /// The server wants this client in `channel`.
    package mutating func subscribedByServer(
        _ channel: ChannelName, _ options: SubscriptionOptions, from: StreamPosition?, _ context: SessionContext
    ) throws(ReplyError) -> SubscribeOrder? {
        guard state == .connected, subscription(of: channel) == nil else { return nil }
        guard subscriptions.count < context.settings.channelLimit else { throw .limitExceeded }
        return try reserveServerSide(channel, options, from: from, purpose: .server, context)
    }

    mutating func reserveServerSide(
        _ channel: ChannelName, _ options: SubscriptionOptions, from: StreamPosition?, purpose: SubscribeOrder.Purpose,
        wasRefreshedByHook: Bool = false, _ context: SessionContext
    ) throws(ReplyError) -> SubscribeOrder {
        let namespace = try context.rules.resolve(channel).options
        let generation = reserve(channel)
        var request = SubscribeRequest(channel: channel)
        if let from {
            request.recover = true
            request.offset = from.offset
            request.epoch = from.epoch
        }
        var order = makeOrder(generation, request, namespace, options, purpose: purpose, context)
        order.flags.insert(.isServerSide)
        if isRefreshedByHook || wasRefreshedByHook, !namespace.subRefreshHook.isEmpty {
            order.flags.insert(.isRefreshedByHook)
        }
        pending.append(
            PendingSubscribe(generation: generation, request: request, command: 0, options: namespace, order: order))
        return order
    }

    // MARK: Reading

    /// Publications kept for one subscription while its stream is read; beyond it the connection is told to start anew.
    package static var recoveryBufferLimit: Int { 4_096 }

    /// A live publication came while the stream is being read.
    package mutating func publicationArrived(_ publication: Publication, generation: UInt32) {
        guard let index = pending.firstIndex(where: { $0.generation == generation }) else { return }
        guard pending[index].buffer.count < ClientSession.recoveryBufferLimit else {
            pending[index].hasOverflowed = true
            return
        }
        pending[index].buffer.append(publication)
    }

    /// Reads that can be taken up now that the subscription with this generation has been read.
    ///
    /// The channels of a connect become live together, with its reply: a publication of one must not overtake the reply that
    /// the others still hold up. Until then it is kept, like what follows it.
    package mutating func readsReady(
        generation: UInt32, _ read: StreamRead?
    ) -> [(generation: UInt32, read: StreamRead?)] {
        guard let index = pending.firstIndex(where: { $0.generation == generation }),
            pending[index].order?.purpose == .connect
        else { return [(generation, read)] }
        pending[index].keptRead = KeptRead(read: read)
        let connect = pending.filter { $0.order?.purpose == .connect }
        guard connect.allSatisfy({ $0.keptRead != nil }) else { return [] }
        return connect.map { ($0.generation, $0.keptRead?.read) }
    }

    /// The stream of the subscription with this generation has been read; nil: the channel has none.
    package mutating func streamRead(
        generation: UInt32, _ read: StreamRead?, _ context: SessionContext
    ) -> SubscribeCompletion {
        guard let pendingIndex = pending.firstIndex(where: { $0.generation == generation }),
            let index = subscriptions.firstIndex(where: { $0.generation == generation }),
            let order = pending[pendingIndex].order
        else { return .late }
        let waiting = pending.remove(at: pendingIndex)
        guard !waiting.hasOverflowed else { return .disconnect(.insufficientState) }
        subscriptions[index].flags = order.flags.union(.isLive)
        subscriptions[index].info = order.info
        subscriptions[index].expireAt = order.expireAt
        var result = SubscribeResult()
        result.expires = order.expireAt != 0 && !order.flags.contains(.isRefreshedByHook)
        result.ttl = result.expires ? ttl(order.expireAt, context) : 0
        result.data = order.data
        var position: UInt64 = 0
        if let read, order.flags.contains(.isPositioned) {
            let recovery: Recovery
            do throws(Recovery.Failure) {
                recovery = try Recovery.merge(
                    from: order.recoverFrom, mode: order.recoveryMode, read: read, buffered: waiting.buffer)
            } catch {
                return .disconnect(.insufficientState)
            }
            if order.recoverFrom != nil, !recovery.isRecovered, order.rejectsUnrecovered {
                let subscription = subscriptions.remove(at: index)
                return .refused(
                    subscription, Reply(id: waiting.command, result: .error(.unrecoverablePosition)))
            }
            result.positioned = true
            result.delta = order.flags.contains(.usesDelta)
            result.recoverable = order.flags.contains(.isRecoverable)
            result.epoch = recovery.epoch
            result.offset = recovery.offset
            result.publications = recovery.publications
            result.recovered = recovery.isRecovered
            result.wasRecovering = order.recoverFrom != nil
            position = recovery.position
        }
        return .live(subscriptions[index], answer(order, result, context), position: position)
    }

    /// The stream of the subscription with this generation could not be read. The subscription, taken out, and the command
    /// that waits for it; without a command it was the server's wish and stays in. nil: it is gone already.
    package mutating func subscribeFailed(generation: UInt32) -> (Subscription, command: UInt32?)? {
        guard let pendingIndex = pending.firstIndex(where: { $0.generation == generation }),
            let index = subscriptions.firstIndex(where: { $0.generation == generation })
        else { return nil }
        guard case .command(let command)? = pending[pendingIndex].order?.purpose else {
            return (subscriptions[index], nil)
        }
        pending.remove(at: pendingIndex)
        return (subscriptions.remove(at: index), command)
    }

    private mutating func answer(
        _ order: SubscribeOrder, _ result: SubscribeResult, _ context: SessionContext
    ) -> SubscribeCompletion.Answer {
        switch order.purpose {
        case .command(let id):
            return .reply(Reply(id: id, result: .subscribe(result)))
        case .connect:
            if let connecting {
                var connect = connecting.result
                connect.subscriptions[order.channel] = result
                self.connecting = connecting.with(connect)
            }
            return .partOfConnect(connectReply(context))
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

    /// The service has begun to carry out `order`.
    package mutating func began(_ order: SubscribeOrder, binding: UInt32) {
        guard let index = subscriptions.firstIndex(where: { $0.generation == order.generation }) else { return }
        subscriptions[index].flags = order.flags
        subscriptions[index].info = order.info
        subscriptions[index].binding = binding
    }

    /// Remembers where the service keeps the subscription with this generation.
    package mutating func bind(generation: UInt32, to binding: UInt32) {
        guard let index = subscriptions.firstIndex(where: { $0.generation == generation }) else { return }
        subscriptions[index].binding = binding
    }

    // MARK: Unsubscribing

    mutating func unsubscribeReceived(_ command: UInt32, _ channel: ChannelName) -> SessionAction {
        guard !channel.isEmpty else { return .disconnect(.badRequest) }
        if let abandoned = abandonSubscribe(command, channel) { return abandoned }
        let reply = Reply(id: command, result: .unsubscribe)
        guard let subscription = removeSubscription(of: channel) else { return .reply(reply) }
        return .unsubscribe(subscription, reply)
    }

    /// Takes a subscription out, live or reserved; the caller undoes what was done for it.
    package mutating func removeSubscription(of channel: ChannelName) -> Subscription? {
        guard let index = subscriptions.firstIndex(where: { $0.channel == channel }) else { return nil }
        let subscription = subscriptions.remove(at: index)
        pending.removeAll { $0.generation == subscription.generation }
        return subscription
    }

    /// The subscribe command that still waits for its answer about `channel`.
    package func pendingCommand(of channel: ChannelName) -> UInt32? {
        pending.first { $0.request.channel == channel && $0.command > 0 }?.command
    }

    // MARK: Parts

    mutating func reserve(_ channel: ChannelName) -> UInt32 {
        let generation = nextGeneration
        nextGeneration &+= 1
        subscriptions.append(
            Subscription(
                channel: channel, generation: generation, flags: [], binding: .max, expireAt: 0, info: []))
        return generation
    }

    mutating func release(_ generation: UInt32) {
        subscriptions.removeAll { $0.generation == generation }
        pending.removeAll { $0.generation == generation }
    }

    /// What is granted: wishes only with the matching permission, forced options unasked.
    func makeOrder(
        _ generation: UInt32, _ request: SubscribeRequest, _ namespace: ChannelOptions,
        _ options: SubscriptionOptions, purpose: SubscribeOrder.Purpose, _ context: SessionContext
    ) -> SubscribeOrder {
        let permissions = context.permissions
        let override = options.override
        var flags: Subscription.Flags = []
        if override.presence ?? namespace.presence { flags.insert(.keepsPresence) }
        if override.joinLeave ?? namespace.joinLeave {
            flags.insert(.emitsJoinLeave)
            let mayAsk = permissions.allows(namespace.presenceAccess, user: user, isSubscribed: true)
            if override.forcePushJoinLeave ?? namespace.forcePushJoinLeave || (request.joinLeave && mayAsk) {
                flags.insert(.receivesJoinLeave)
            }
        }
        if namespace.hasHistory {
            let mayAsk = permissions.allows(namespace.historyAccess, user: user, isSubscribed: true)
            let wantsRecovery = request.recoverable || request.recover
            if override.forceRecovery ?? namespace.forceRecovery
                || (wantsRecovery && (namespace.allowRecovery || mayAsk))
            {
                flags.formUnion([.isRecoverable, .isPositioned])
            }
            if override.forcePositioning ?? namespace.forcePositioning
                || (request.positioned && (namespace.allowPositioning || mayAsk))
            {
                flags.insert(.isPositioned)
            }
        }
        var from: StreamPosition?
        if flags.contains(.isRecoverable) {
            if request.recover {
                from = StreamPosition(offset: request.offset, epoch: request.epoch)
            } else if namespace.autoCacheRecover, namespace.recoveryMode == .cache {
                from = StreamPosition()
            }
        }
        // Where publications may be dropped or replaced, a difference could meet the wrong base.
        if request.delta == "fossil", flags.contains(.isPositioned), namespace.slowReader == .close,
            namespace.allowedDeltaTypes.contains("fossil")
        {
            flags.insert(.usesDelta)
        }
        return SubscribeOrder(
            purpose: purpose, channel: request.channel, generation: generation, flags: flags, info: options.info,
            recoverFrom: from, recoveryMode: namespace.recoveryMode, rejectsUnrecovered: request.rejectsUnrecovered,
            expireAt: options.expireAt, data: options.data)
    }
}
