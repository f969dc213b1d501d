/// Subscribing, up to the order that the service carries out.
///
/// Reserve, verify or ask, order: each step may be the last.
extension ClientSession {
    mutating func subscribeReceived(
        _ command: UInt32, _ request: SubscribeRequest, _ context: SessionContext
    ) -> SessionAction {
        guard !request.channel.isEmpty else { return .disconnect(.badRequest) }
        guard request.channel.utf8.count <= context.rules.settings.maxLength else {
            return refuse(command, .badRequest)
        }
        guard !holds(request.channel) else { return refuse(command, .alreadySubscribed) }
        guard channelCount < context.settings.channelLimit else { return refuse(command, .limitExceeded) }
        guard request.delta.isEmpty || request.delta == "fossil" else { return .disconnect(.badRequest) }
        guard !request.unsupported.contains(.tagsFilter) else { return refuse(command, .badRequest) }
        guard request.unsupported.isEmpty else { return refuse(command, .permissionDenied) }
        let options: ChannelOptions
        do throws(ReplyError) { options = try context.rules.resolve(request.channel).options } catch {
            return refuse(command, error)
        }
        let wish = PendingSubscription.Wish(command: command, request: request, options: options)
        if !request.token.isEmpty {
            let generation = reserve(request.channel, .verifying(wish))
            return .verifySubscription(generation: generation, token: request.token)
        }
        guard !context.rules.isPrivate(request.channel) else { return refuse(command, .permissionDenied) }
        if !options.subscribeHook.isEmpty, !context.permissions.isUserLimited(request.channel, options) {
            return askSubscribe(wish, context)
        }
        guard
            context.permissions.maySubscribe(request.channel, user: user, options: options)
        else { return refuse(command, .permissionDenied) }
        let generation = takeNumber()
        let order = makeOrder(
            generation, request, options, SubscriptionOptions(), purpose: .command(command), context)
        return .subscribe(attaching(order))
    }

    /// The token of the subscription with this generation has been looked at.
    package mutating func subscriptionVerified(
        generation: UInt32, _ outcome: TokenOutcome<SubscriptionClaims>, _ context: SessionContext
    ) -> SessionAction {
        guard let index = pending.firstIndex(where: { $0.generation == generation }),
            case .verifying(let wish) = pending[index].stage
        else { return .none }
        switch outcome {
        case .valid(let claims):
            guard isCovered(.channel(wish.request.channel, claims)) else { return .disconnect(.invalidToken) }
            var options = claims.options
            options.expireAt = claims.expireAt
            let order = makeOrder(
                generation, wish.request, wish.options, options, purpose: .command(wish.command), context)
            pending[index].stage = .attaching(order, RecoveryBuffer())
            return .subscribe(order)
        case .expired: return refuse(index, wish, .tokenExpired)
        case .invalid: return refuse(index, wish, .permissionDenied)
        case .tooLong: return refuse(index, wish, .tokenTooLong)
        case .needsKeys, .unavailable: return refuse(index, wish, .internalError)
        }
    }

    private mutating func refuse(
        _ index: Int, _ wish: PendingSubscription.Wish, _ error: ReplyError
    ) -> SessionAction {
        pending.remove(at: index)
        return refuse(wish.command, error)
    }

    /// The server wants this client in `channel`.
    package mutating func subscribedByServer(
        _ channel: ChannelName, _ options: SubscriptionOptions, from: StreamPosition?, _ context: SessionContext
    ) throws(ReplyError) -> SubscribeOrder? {
        guard isConnected, !holds(channel) else { return nil }
        guard channelCount < context.settings.channelLimit else { throw .limitExceeded }
        return attaching(try makeServerSide(channel, options, from: from, purpose: .server, context))
    }

    mutating func makeServerSide(
        _ channel: ChannelName, _ options: SubscriptionOptions, from: StreamPosition?, purpose: SubscribeOrder.Purpose,
        wasRefreshedByHook: Bool = false, _ context: SessionContext
    ) throws(ReplyError) -> SubscribeOrder {
        let namespace = try context.rules.resolve(channel).options
        var request = SubscribeRequest(channel: channel)
        if let from {
            request.recover = true
            request.offset = from.offset
            request.epoch = from.epoch
        }
        var order = makeOrder(takeNumber(), request, namespace, options, purpose: purpose, context)
        order.flags.insert(.isServerSide)
        if isRefreshedByHook || wasRefreshedByHook, !namespace.subRefreshHook.isEmpty {
            order.flags.insert(.isRefreshedByHook)
        }
        return order
    }

    // MARK: Unsubscribing

    mutating func unsubscribeReceived(_ command: UInt32, _ channel: ChannelName) -> SessionAction {
        guard !channel.isEmpty else { return .disconnect(.badRequest) }
        let reply = Reply(id: command, result: .unsubscribe)
        // The client takes back a subscribe that the application has not answered: it gets both replies now.
        if let index = pending.firstIndex(where: { $0.channel == channel }),
            case .asking(let wish) = pending[index].stage
        {
            pending.remove(at: index)
            return .replies([Reply(id: wish.command, result: .error(.internalError)), reply])
        }
        guard let ended = removeSubscription(of: channel) else { return .reply(reply) }
        return .unsubscribe(ended, reply)
    }

    /// Takes a subscription out, live or under way; the caller undoes it.
    package mutating func removeSubscription(of channel: ChannelName) -> EndedSubscription? {
        if let index = subscriptions.firstIndex(where: { $0.channel == channel }) {
            return .live(subscriptions.remove(at: index))
        }
        guard let index = pending.firstIndex(where: { $0.channel == channel }) else { return nil }
        return pending.remove(at: index).ended
    }

    /// The subscribe command that still waits for its answer about `channel`.
    package func pendingCommand(of channel: ChannelName) -> UInt32? {
        pending.first { $0.channel == channel }?.command
    }

    // MARK: Looking

    /// The live subscription of `channel`.
    package func subscription(of channel: ChannelName) -> Subscription? {
        subscriptions.first { $0.channel == channel }
    }

    /// Whether `channel` is subscribed, or a subscribe of it is under way.
    package func holds(_ channel: ChannelName) -> Bool {
        subscriptions.contains { $0.channel == channel } || pending.contains { $0.channel == channel }
    }

    /// Channels that are subscribed or being subscribed.
    package var channelCount: Int { subscriptions.count + pending.count }

    /// The names of these channels, in the order in which they were reserved.
    package var channels: [ChannelName] {
        guard !pending.isEmpty else { return subscriptions.map(\.channel) }
        let all = subscriptions.map { ($0.generation, $0.channel) } + pending.map { ($0.generation, $0.channel) }
        return all.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// The channels in which the client has a position, or gets one.
    package var positionedChannels: [ChannelName] {
        let live = subscriptions.filter { $0.flags.contains(.isPositioned) }.map(\.channel)
        guard !pending.isEmpty else { return live }
        return live + pending.filter { $0.order?.flags.contains(.isPositioned) ?? false }.map(\.channel)
    }

    /// The information that the client's publications in `channel` carry.
    package func channelInfo(of channel: ChannelName) -> [UInt8] {
        if let live = subscription(of: channel) { return live.info }
        return pending.first { $0.channel == channel }?.order?.info ?? []
    }

    // MARK: Reserving

    /// Numbers of subscriptions and questions are one sequence, and none is used twice.
    mutating func takeNumber() -> UInt32 {
        let number = nextGeneration
        nextGeneration &+= 1
        return number
    }

    mutating func reserve(_ channel: ChannelName, _ stage: PendingSubscription.Stage) -> UInt32 {
        let generation = takeNumber()
        pending.append(PendingSubscription(channel: channel, generation: generation, stage: stage))
        return generation
    }

    /// Reserves what the order is about; it goes to the service in the same step.
    private mutating func attaching(_ order: SubscribeOrder) -> SubscribeOrder {
        pending.append(
            PendingSubscription(
                channel: order.channel, generation: order.generation, stage: .attaching(order, RecoveryBuffer())))
        return order
    }
}
