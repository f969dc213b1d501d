/// Connect: who the client is, which channels it gets with that, and the reply.
extension ClientSession {
    mutating func connectReceived(
        _ command: UInt32, _ request: ConnectRequest, _ arrival: Arrival?, _ context: SessionContext
    ) -> SessionAction {
        let bringsKey = arrival?.bringsKey ?? false
        let connect = Connect(command: command, request: request, key: bringsKey ? .brought : .none)
        if !request.token.isEmpty {
            state = .connecting(Connecting(connect, .verifying))
            return .verifyConnection(token: request.token)
        }
        if let identity = arrival?.identity { return admit(Admission(claims: identity, data: []), connect, context) }
        if !context.hooks.connect.isEmpty {
            state = .connecting(Connecting(connect, .asking))
            return .ask(
                question(
                    .connect(
                        data: request.data, name: request.name, version: request.version, headers: request.headers),
                    of: context.hooks.connect, about: .connect))
        }
        if bringsKey {
            state = .connecting(Connecting(connect, .claiming(nil)))
            return .claimSession(user: nil, expireAt: 0)
        }
        return admitAnonymous(connect, context)
    }

    mutating func admitAnonymous(_ connect: Connect, _ context: SessionContext) -> SessionAction {
        guard context.settings.insecure || context.settings.allowAnonymousConnectWithoutToken else {
            return refuse(connect, .permissionDenied, context)
        }
        return admit(Admission(claims: ConnectionClaims(), data: []), connect, context)
    }

    /// The token of the `connect` under way has been looked at.
    package mutating func connectionVerified(
        _ outcome: TokenOutcome<ConnectionClaims>, _ context: SessionContext
    ) -> SessionAction {
        guard case .connecting(let connecting) = state, case .verifying = connecting.stage else { return .none }
        let connect = connecting.connect
        switch outcome {
        case .valid(let claims):
            guard isCovered(.connect(claims)) else { return .disconnect(.invalidToken) }
            if claims.user.isEmpty, context.settings.disallowAnonymousConnectionTokens {
                return refuse(connect, .permissionDenied, context)
            }
            return admit(Admission(claims: claims, data: []), connect, context)
        case .expired: return refuse(connect, .tokenExpired, context)
        case .invalid: return .disconnect(.invalidToken)
        case .tooLong: return .disconnect(.tokenTooLong)
        case .needsKeys, .unavailable: return refuse(connect, .internalError, context)
        }
    }

    mutating func refuse(_ connect: Connect, _ error: ReplyError, _ context: SessionContext) -> SessionAction {
        refuseFirst(connect.command, error, unused: connect.left, context)
    }

    /// The connect is answered with an error: nothing more is processed.
    mutating func refuseFirst(
        _ command: UInt32, _ error: ReplyError, unused: LeftState?, _ context: SessionContext
    ) -> SessionAction {
        state = .refused(unused: unused)
        // Channels that were reserved for this connect: the service has not heard of them.
        pending = []
        heartbeat.refused(context.now)
        return refuse(command, error)
    }

    mutating func admit(_ admission: Admission, _ connect: Connect, _ context: SessionContext) -> SessionAction {
        let claims = admission.claims
        if let claim = claim(for: admission, connect, context) { return claim }
        // The key of another user's state gives nothing of it.
        let left = connect.left?.state
        if let left, left.user != claims.user { return refuse(connect, .permissionDenied, context) }
        user = claims.user
        info = claims.info
        meta = claims.meta
        expireAt = claims.expireAt
        state = .connecting(Connecting(connect, .subscribing(connectResult(data: admission.data, context))))
        let channels = serverChannels(claims, left, context)
        guard channels.count <= context.settings.channelLimit else { return .disconnect(.channelLimit) }
        for (channel, options) in channels {
            let recovery = connect.request.subscriptions[channel]
            let kept = left?.channels.first { $0.channel == channel }
            // Only the client knows what really arrived: what it says wins over what is remembered here.
            let from =
                recovery.flatMap { $0.recover ? StreamPosition(offset: $0.offset, epoch: $0.epoch) : nil }
                ?? connect.request.positions?.position(of: channel)
                ?? kept?.position
            do throws(ReplyError) {
                let order = try makeServerSide(
                    channel, options, from: from, purpose: .connect,
                    wasRefreshedByHook: kept?.flags.contains(.isRefreshedByHook) ?? false, context)
                pending.append(
                    PendingSubscription(channel: channel, generation: order.generation, stage: .granted(order)))
            } catch {
                return refuse(connect, error, context)
            }
        }
        return .connected
    }

    /// Hands out the next channel that comes with the connect; nil: none is left.
    ///
    /// One that was not fetched when the connection ends has left nothing to undo.
    package mutating func nextOrder() -> SubscribeOrder? {
        for index in pending.indices {
            guard case .granted(let order) = pending[index].stage else { continue }
            pending[index].stage = .attaching(order, RecoveryBuffer())
            return order
        }
        return nil
    }

    private func connectResult(data: [UInt8], _ context: SessionContext) -> ConnectResult {
        var result = ConnectResult()
        result.client = client.name
        result.version = context.version
        result.data = data
        result.ping = heartbeat.pingSeconds
        result.pong = heartbeat.expectsPong
        if context.settings.connectIncludeServerTime { result.timeMs = context.now.wallMs }
        return result
    }

    /// The reply to the connect; nil while channels of it are under way, or once given.
    package mutating func connectReply(_ context: SessionContext) -> Reply? {
        guard case .connecting(let connecting) = state, case .subscribing(var result) = connecting.stage,
            pending.isEmpty
        else { return nil }
        state = .connected
        heartbeat.connected(context.now)
        result.expires = expireAt != 0 && !isRefreshedByHook
        result.ttl = result.expires ? ttl(expireAt, context) : 0
        return Reply(id: connecting.connect.command, result: .connect(result))
    }

    /// Every channel once, in a stable order.
    func serverChannels(
        _ claims: ConnectionClaims, _ left: RestoredState?, _ context: SessionContext
    ) -> [(ChannelName, SubscriptionOptions)] {
        var channels = claims.subscriptions
        // A grant of now goes before one of the earlier connection.
        for channel in left?.channels ?? [] where channels[channel.channel] == nil {
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
        return UInt32(clamping: max(Moment.milliseconds(expireAt) / 1_000 - context.now.wallSeconds, 0))
    }
}
