/// One client's conversation as a state machine without IO.
///
/// Commands, answers and time go in, one action comes out.
/// Every asynchronous answer names the generation it was asked for; when that is no longer current it is dropped, so a
/// late answer never touches a newer subscription.
package struct ClientSession: ~Copyable {
    package let client: ClientID
    package internal(set) var state: State
    /// As far as it is known: named by a proxy before the connect, then by the connect.
    package internal(set) var user: UserID
    package internal(set) var info: [UInt8] = []
    package internal(set) var meta: [UInt8] = []
    /// Seconds since 1970; 0 never.
    package internal(set) var expireAt: Int64 = 0
    /// Those that are live, in the order in which they were reserved.
    package internal(set) var subscriptions: [Subscription] = []
    /// Those under way, in the same order; almost always empty, without memory then.
    @usableFromInline var pending: [PendingSubscription] = [] {
        didSet { if pending.isEmpty { pending = [] } }
    }
    /// Questions without an answer; almost always empty, without memory then.
    @usableFromInline var questions: [OpenQuestion] = [] {
        didSet { if questions.isEmpty { questions = [] } }
    }
    var heartbeat: Heartbeat
    /// When it expires, the application is asked, and not the client.
    var isRefreshedByHook = false
    var nextGeneration: UInt32
    /// Monotonic seconds before which what has expired is not asked about again.
    var nextRefresh: UInt32 = 0

    /// - Parameters:
    ///   - firstPing: a number in 0..<1 that spreads the first ping over half an interval.
    ///   - usesFramePings: WebSocket pings in place of the protocol's.
    ///   - firstNumber: of subscriptions and questions.
    ///   - user: named by a reverse proxy that is trusted.
    ///   - claims: what the application said at the request's head; they go before `user`.
    ///   - bringsKey: the client has the key of a session.
    package init(
        client: ClientID, settings: ClientSettings, firstPing: Double, usesFramePings: Bool = false,
        firstNumber: UInt32 = 1, user: UserID? = nil, claims: ConnectionClaims? = nil, bringsKey: Bool = false,
        now: Moment
    ) {
        self.client = client
        self.user = user ?? ""
        let identity = claims ?? user.flatMap { $0.isEmpty ? nil : ConnectionClaims(user: $0) }
        let isKnown = identity != nil || bringsKey
        state = .awaitingConnect(isKnown ? Arrival(identity: identity, bringsKey: bringsKey) : nil)
        nextGeneration = firstNumber
        heartbeat = Heartbeat(settings: settings, firstPing: firstPing, usesFramePings: usesFramePings, now: now)
    }

    package var isConnected: Bool { if case .connected = state { true } else { false } }

    /// The client as presence, publications and hooks show it.
    package func clientInfo(channelInfo: [UInt8] = []) -> ClientInfo {
        ClientInfo(user: user, client: client.name, connectionInfo: info, channelInfo: channelInfo)
    }

    // MARK: Commands

    /// The client sent `command`. One that must wait changes nothing.
    package mutating func received(_ command: Command, _ context: SessionContext) -> SessionAction {
        guard !mustWait(command) else { return .wait }
        switch state {
        case .closed, .refused, .connecting: return .none
        case .awaitingConnect(let arrival):
            switch command.request {
            case .connect(let request)? where command.id > 0:
                return connectReceived(command.id, request, arrival, context)
            case .malformed(let request)? where request.isConnect && command.id > 0:
                return refuseFirst(command.id, request.error, unused: nil, context)
            default: return .disconnect(.badRequest)
            }
        case .connected: return connectedReceived(command, context)
        }
    }

    private mutating func connectedReceived(_ command: Command, _ context: SessionContext) -> SessionAction {
        guard let request = command.request else {
            // An empty command is a pong; with an id it is a command without content.
            guard command.id == 0, heartbeat.pongReceived() else { return .disconnect(.badRequest) }
            return .none
        }
        if case .send(let data) = request { return messageReceived(command.id, data, context) }
        guard command.id > 0 else { return .disconnect(.badRequest) }
        switch request {
        case .connect: return .disconnect(.badRequest)
        case .subscribe(let request): return subscribeReceived(command.id, request, context)
        case .unsubscribe(let channel): return unsubscribeReceived(command.id, channel)
        case .publish(let request): return publishReceived(command.id, request, context)
        case .presence(let channel):
            return presenceReceived(command.id, channel, context, .readPresence(command: command.id, channel: channel))
        case .presenceStats(let channel):
            return presenceReceived(
                command.id, channel, context, .readPresenceStats(command: command.id, channel: channel))
        case .history(let request): return historyReceived(command.id, request, context)
        case .ping: return refuse(command.id, .notAvailable)
        case .send: preconditionFailure("handled above: send needs no id")
        case .rpc(let method, let data): return rpcReceived(command.id, method, data, context)
        case .refresh(let token): return refreshReceived(command.id, token, context)
        case .subRefresh(let request): return subRefreshReceived(command.id, request)
        case .malformed(let request) where request.isConnect: return .disconnect(.badRequest)
        case .malformed(let request): return refuse(command.id, request.error)
        }
    }

    func refuse(_ command: UInt32, _ error: ReplyError) -> SessionAction {
        .reply(Reply(id: command, result: .error(error)))
    }

    // MARK: End

    /// Ends the connection, and returns all subscriptions in the order of reservation.
    package mutating func close() -> [EndedSubscription] {
        state = .closed
        var ended = subscriptions.map { EndedSubscription.live($0) }
        if !pending.isEmpty {
            ended += pending.map(\.ended)
            ended.sort { $0.generation < $1.generation }
        }
        subscriptions = []
        pending = []
        questions = []
        return ended
    }

    // MARK: Time

    /// The actions that are due, in their order.
    package mutating func timerFired(_ context: SessionContext) -> [TimerAction] {
        let now = context.now
        switch state {
        case .closed: return []
        case .awaitingConnect, .connecting:
            return heartbeat.isStale(now) ? [.disconnect(.stale)] : []
        case .refused:
            return heartbeat.isStale(now) ? [.disconnect(.connectionClosed)] : []
        case .connected: break
        }
        if heartbeat.isPongMissing(now) { return [.disconnect(.noPong)] }
        var actions = dueRefreshes(context)
        if expireAt != 0,
            now.wallMs >= Moment.milliseconds(expireAt) + Int64(context.settings.expiredCloseDelay * 1_000)
        {
            return [.disconnect(.expired)]
        }
        let delay = Int64(context.settings.expiredSubCloseDelay * 1_000)
        for subscription in subscriptions
        where subscription.expireAt != 0 && now.wallMs >= Moment.milliseconds(subscription.expireAt) + delay {
            if subscription.flags.contains(.isServerSide) { return [.disconnect(.subscriptionExpired)] }
            actions.append(.expireSubscription(subscription))
        }
        if heartbeat.isPingDue(now) { actions.append(.sendPing) }
        return actions
    }

    /// When `timerFired` is next worth calling, in monotonic milliseconds.
    package func nextDeadline(_ context: SessionContext) -> Int64 {
        guard isConnected else { return heartbeat.nextDeadline(isConnected: false) }
        var deadline = heartbeat.nextDeadline(isConnected: true)
        func consider(_ expireAt: Int64, _ delay: Double) {
            guard expireAt != 0 else { return }
            let wall = Moment.milliseconds(expireAt) + Int64(delay * 1_000)
            deadline = min(deadline, context.now.monotonicMs + max(wall - context.now.wallMs, 0))
        }
        consider(expireAt, context.settings.expiredCloseDelay)
        for subscription in subscriptions { consider(subscription.expireAt, context.settings.expiredSubCloseDelay) }
        considerRefreshes(context, &deadline)
        return deadline
    }

    /// The native pong of a connection that uses frame pings.
    package mutating func framePongReceived() { _ = heartbeat.pongReceived() }

    package var usesFramePings: Bool { heartbeat.usesFramePings }
}

extension ConnectionClaims {
    init(user: UserID) {
        self.init()
        self.user = user
    }
}
