/// Connect and refresh: who the client is, and until when.
extension ClientSession {
    mutating func connectReceived(
        _ command: UInt32, _ request: ConnectRequest, _ context: SessionContext
    ) -> SessionAction {
        state = .connecting
        connecting = Connecting(command: command, request: request, result: ConnectResult())
        if !request.token.isEmpty { return .verifyConnection(token: request.token) }
        if let granted { return admit(granted.claims, context) }
        if !user.isEmpty { return admit(ConnectionClaims(user: user), context) }
        if !context.hooks.connect.isEmpty {
            return .ask(
                question(
                    .connect(
                        data: request.data, name: request.name, version: request.version, headers: request.headers),
                    of: context.hooks.connect, about: .connect))
        }
        if restored != nil { return .claimSession(user: nil, expireAt: 0) }
        return admitAnonymous(context)
    }

    mutating func admitAnonymous(_ context: SessionContext) -> SessionAction {
        guard context.settings.insecure || context.settings.allowAnonymousConnectWithoutToken else {
            return refuseConnect(.permissionDenied, context)
        }
        return admit(ConnectionClaims(), context)
    }

    /// A reverse proxy that we trust has named the user; call before `connect` arrives.
    package mutating func userNamedByProxy(_ user: UserID) {
        precondition(state == .awaitingConnect, "the user is named before the connect")
        self.user = user
    }

    /// The token of the `connect` under way has been looked at.
    package mutating func connectionVerified(
        _ outcome: TokenOutcome<ConnectionClaims>, _ context: SessionContext
    ) -> SessionAction {
        guard state == .connecting, connecting != nil else { return .none }
        switch outcome {
        case .valid(let claims):
            if claims.user.isEmpty, context.settings.disallowAnonymousConnectionTokens {
                return refuseConnect(.permissionDenied, context)
            }
            return admit(claims, context)
        case .expired: return refuseConnect(.tokenExpired, context)
        case .invalid: return .disconnect(.invalidToken)
        case .tooLong: return .disconnect(.tokenTooLong)
        case .needsKeys, .unavailable: return refuseConnect(.internalError, context)
        }
    }

    mutating func refuseConnect(_ error: ReplyError, _ context: SessionContext) -> SessionAction {
        guard let connecting else { return .none }
        return refuseFirst(connecting.command, error, context)
    }

    /// The connect is answered with an error: nothing more is processed.
    mutating func refuseFirst(_ command: UInt32, _ error: ReplyError, _ context: SessionContext) -> SessionAction {
        state = .refused
        connecting = nil
        heartbeat.refused(context.now)
        return refuse(command, error)
    }

    mutating func admit(
        _ claims: ConnectionClaims, data: [UInt8] = [], _ context: SessionContext
    ) -> SessionAction {
        guard let connecting else { return .none }
        if let claim = claim(for: claims, data, context) { return claim }
        // Whoever holds the key of somebody else's state gets nothing of it.
        let left = restored?.state
        if let left, left.user != claims.user { return refuseConnect(.permissionDenied, context) }
        user = claims.user
        info = claims.info
        meta = claims.meta
        expireAt = claims.expireAt
        let channels = serverChannels(claims, context)
        guard channels.count <= context.settings.channelLimit else { return .disconnect(.channelLimit) }
        var orders: [SubscribeOrder] = []
        for (channel, options) in channels {
            let recovery = connecting.request.subscriptions[channel]
            let kept = left?.channels.first { $0.channel == channel }
            // Only the client knows what really arrived: what it says wins over what is remembered here.
            let from =
                recovery.flatMap { $0.recover ? StreamPosition(offset: $0.offset, epoch: $0.epoch) : nil }
                ?? connecting.request.positions?.position(of: channel)
                ?? kept?.position
            do throws(ReplyError) {
                orders.append(
                    try reserveServerSide(
                        channel, options, from: from, purpose: .connect,
                        wasRefreshedByHook: kept?.flags.contains(.isRefreshedByHook) ?? false, context))
            } catch {
                return refuseConnect(error, context)
            }
        }
        var result = ConnectResult()
        result.client = client.name
        result.version = context.version
        result.data = data
        result.ping = heartbeat.pingSeconds
        result.pong = heartbeat.expectsPong
        if context.settings.connectIncludeServerTime { result.timeMs = context.now.wallMs }
        self.connecting = connecting.with(result)
        return .connected(orders)
    }

    /// The reply to a connect without server-side subscriptions, or nil while some are under way.
    package mutating func connectReply(_ context: SessionContext) -> Reply? {
        guard state == .connecting, let connecting, !pending.contains(where: { $0.order?.purpose == .connect }) else {
            return nil
        }
        state = .connected
        self.connecting = nil
        restored = nil
        granted = nil
        heartbeat.connected(context.now)
        var result = connecting.result
        result.expires = expireAt != 0 && !isRefreshedByHook
        result.ttl = result.expires ? ttl(expireAt, context) : 0
        return Reply(id: connecting.command, result: .connect(result))
    }

    /// Every channel once, in a stable order.
    func serverChannels(
        _ claims: ConnectionClaims, _ context: SessionContext
    ) -> [(ChannelName, SubscriptionOptions)] {
        var channels = claims.subscriptions
        // What is granted now says more than what was granted once.
        for channel in restored?.state?.channels ?? [] where channels[channel.channel] == nil {
            channels[channel.channel] = channel.options
        }
        for channel in claims.channels where channels[channel] == nil { channels[channel] = SubscriptionOptions() }
        if context.settings.subscribeToUserPersonalChannel, !user.isEmpty,
            let name = context.rules.personalChannel(user: user, namespace: context.settings.personalChannelNamespace)
        {
            if channels[name] == nil { channels[name] = SubscriptionOptions() }
        }
        return channels.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    func ttl(_ expireAt: Int64, _ context: SessionContext) -> UInt32 {
        guard expireAt != 0 else { return 0 }
        return UInt32(clamping: max(milliseconds(expireAt) / 1_000 - context.now.wallSeconds, 0))
    }

    func milliseconds(_ seconds: Int64) -> Int64 { Moment.milliseconds(seconds) }

    // MARK: Refresh

    mutating func refreshReceived(_ command: UInt32, _ token: String, _ context: SessionContext) -> SessionAction {
        guard !token.isEmpty else { return .disconnect(.badRequest) }
        return .verifyRefresh(command: command, token: token)
    }

    package mutating func refreshVerified(
        _ command: UInt32, _ outcome: TokenOutcome<ConnectionClaims>, _ context: SessionContext
    ) -> SessionAction {
        guard state == .connected else { return .none }
        switch outcome {
        case .valid(let claims):
            guard claims.user == user else { return .disconnect(.invalidToken) }
            expireAt = claims.expireAt
            info = claims.info
            return .reply(Reply(id: command, result: .refresh(refreshResult(context))))
        case .expired: return .disconnect(.expired)
        case .invalid: return .disconnect(.invalidToken)
        case .tooLong: return .disconnect(.tokenTooLong)
        case .needsKeys, .unavailable: return refuse(command, .internalError)
        }
    }

    private func refreshResult(_ context: SessionContext) -> RefreshResult {
        var result = RefreshResult()
        result.client = client.name
        result.version = context.version
        result.expires = expireAt != 0
        result.ttl = ttl(expireAt, context)
        return result
    }

    /// The server gives the connection a new end; 0 never. nil: it ends now.
    package mutating func refreshedByServer(
        expireAt newExpireAt: Int64?, info newInfo: [UInt8], _ context: SessionContext
    ) -> Push? {
        guard state == .connected, let newExpireAt else { return nil }
        expireAt = newExpireAt
        if !newInfo.isEmpty { info = newInfo }
        return Push(channel: "", event: .refresh(expires: expireAt != 0, ttl: ttl(expireAt, context)))
    }

    // MARK: Sub-refresh

    mutating func subRefreshReceived(_ command: UInt32, _ request: SubRefreshRequest) -> SessionAction {
        guard !request.channel.isEmpty else { return .disconnect(.badRequest) }
        guard let subscription = subscription(of: request.channel) else { return refuse(command, .permissionDenied) }
        guard request.unsupported.isEmpty, !request.token.isEmpty else { return refuse(command, .badRequest) }
        return .verifySubRefresh(
            command: command, channel: request.channel, generation: subscription.generation, token: request.token)
    }

    /// The token brought for the subscription with this generation has been looked at.
    package mutating func subRefreshVerified(
        _ command: UInt32, channel: ChannelName, generation: UInt32, _ outcome: TokenOutcome<SubscriptionClaims>,
        _ context: SessionContext
    ) -> SessionAction {
        guard state == .connected else { return .none }
        switch outcome {
        case .valid(let claims):
            guard matches(claims, channel) else { return .disconnect(.invalidToken) }
            guard let index = subscriptions.firstIndex(where: { $0.generation == generation }) else {
                return refuse(command, .permissionDenied)
            }
            subscriptions[index].expireAt = claims.expireAt
            if !claims.options.info.isEmpty { subscriptions[index].info = claims.options.info }
            return .reply(
                Reply(
                    id: command,
                    result: .subRefresh(expires: claims.expireAt != 0, ttl: ttl(claims.expireAt, context))))
        // The old end stays: answering with success here would let the subscription live for ever.
        case .expired: return refuse(command, .tokenExpired)
        case .invalid: return .disconnect(.invalidToken)
        case .tooLong: return .disconnect(.tokenTooLong)
        case .needsKeys, .unavailable: return refuse(command, .internalError)
        }
    }

    func matches(_ claims: SubscriptionClaims, _ channel: ChannelName) -> Bool {
        claims.channel == channel && claims.user == user && (claims.client == nil || claims.client == client.name)
    }
}

extension ConnectionClaims {
    init(user: UserID) {
        self.init()
        self.user = user
    }
}
