/// One client's conversation as a state machine without IO: commands, answers and time in, one action out.
///
/// Every asynchronous answer names the generation it was asked for; when that is no longer current it is dropped, so a
/// late answer never touches a newer subscription.
package struct ClientSession {
    package enum State: Equatable, Sendable {
        case awaitingConnect
        /// Token or server-side subscriptions are being looked at; commands wait.
        case connecting
        case connected
        /// The connect was answered with an error: nothing more is processed.
        case refused
        case closed
    }

    package let client: ClientID
    package internal(set) var state = State.awaitingConnect
    /// When it expires, the application is asked, and not the client. It stands here because it costs nothing here.
    var isRefreshedByHook = false
    package internal(set) var user: UserID = ""
    package internal(set) var info: [UInt8] = []
    package internal(set) var meta: [UInt8] = []
    /// Seconds since 1970; 0 never.
    package internal(set) var expireAt: Int64 = 0
    package internal(set) var subscriptions: [Subscription] = []
    var heartbeat: Heartbeat
    var nextGeneration: UInt32 = 1
    /// Monotonic seconds before which what has expired is not asked about again.
    var nextRefresh: UInt32 = 0
    /// What is still under way; empty almost always, and then it holds no memory.
    @usableFromInline var pending: [PendingSubscribe] = [] {
        didSet { if pending.isEmpty { pending = [] } }
    }
    var connecting: Connecting?
    /// Questions to the application without an answer; empty almost always, and then it holds no memory.
    @usableFromInline var questions: [OpenQuestion] = [] {
        didSet { if questions.isEmpty { questions = [] } }
    }
    /// That an earlier connection of this client is to be continued, and what it left; until the connect is answered.
    var restored: Restored?
    /// Who the client is, if the application said so at the request's head; until the connect is answered.
    var granted: Claimed?

    final class Restored: Sendable {
        /// nil: nothing is known yet, or nothing is left.
        let state: RestoredState?
        /// Whether it has been looked for.
        let isClaimed: Bool
        init(_ state: RestoredState?, isClaimed: Bool) {
            self.state = state
            self.isClaimed = isClaimed
        }
    }

    @usableFromInline struct PendingSubscribe: Equatable, Sendable {
        var generation: UInt32
        var request: SubscribeRequest
        var command: UInt32
        var options: ChannelOptions
        /// nil while the token is being verified, or the application asked.
        var order: SubscribeOrder?
        /// The application is asked: other commands of the connection go on meanwhile.
        var isAsked = false
        /// Live publications that arrive while the stream is read.
        var buffer: [Publication] = []
        /// More arrived than the buffer holds, so nothing can be proved any more.
        var hasOverflowed = false
        /// What was read for one channel of a connect while others are still being read.
        var keptRead: KeptRead?
    }

    struct KeptRead: Equatable, Sendable {
        var read: StreamRead?
    }

    /// Only while the connect is being worked on.
    final class Connecting: Sendable {
        let command: UInt32
        let request: ConnectRequest
        let result: ConnectResult
        /// Who the client is, while what it left is being looked for; nil: only its key says so.
        let admission: (claims: ConnectionClaims, data: [UInt8])?
        init(
            command: UInt32, request: ConnectRequest, result: ConnectResult,
            admission: (claims: ConnectionClaims, data: [UInt8])? = nil
        ) {
            self.command = command
            self.request = request
            self.result = result
            self.admission = admission
        }
        func with(_ result: ConnectResult) -> Connecting {
            Connecting(command: command, request: request, result: result)
        }
        func admitting(_ claims: ConnectionClaims, _ data: [UInt8]) -> Connecting {
            Connecting(command: command, request: request, result: result, admission: (claims, data))
        }
    }

    /// - Parameters:
    ///   - firstPing: a number in 0..<1 that spreads the first ping over half an interval.
    ///   - usesFramePings: WebSocket pings in place of the protocol's.
    ///   - firstNumber: of subscriptions and questions.
    package init(
        client: ClientID, settings: ClientSettings, firstPing: Double, usesFramePings: Bool = false,
        firstNumber: UInt32 = 1, now: Moment
    ) {
        self.client = client
        nextGeneration = firstNumber
        heartbeat = Heartbeat(settings: settings, firstPing: firstPing, usesFramePings: usesFramePings, now: now)
    }

    /// Who this client is, for presence, publications and hooks.
    package func clientInfo(channelInfo: [UInt8] = []) -> ClientInfo {
        ClientInfo(user: user, client: client.name, connectionInfo: info, channelInfo: channelInfo)
    }

    package func subscription(of channel: ChannelName) -> Subscription? {
        subscriptions.first { $0.channel == channel }
    }

    /// Whether anything was begun that is not answered yet.
    @inlinable package var hasOpenWork: Bool { !pending.isEmpty || !questions.isEmpty }

    package var isWaiting: Bool { state == .connecting || pending.contains { $0.order == nil && !$0.isAsked } }

    /// Whether `command` is about a channel whose subscribe is not answered yet: it is handled once that is, so that
    /// pipelined commands see what the ones before them did, wherever the channel lives.
    package func mustWait(_ command: Command) -> Bool {
        if !questions.isEmpty, case .publish? = command.request, isPublishAsked { return true }
        guard !pending.isEmpty, let channel = command.request?.awaitedChannel,
            let waiting = pending.first(where: { $0.request.channel == channel })
        else { return false }
        // Who asks the application need not wait for it to change his mind.
        if case .unsubscribe? = command.request, waiting.isAsked, waiting.order == nil { return false }
        return true
    }

    // MARK: Commands

    /// The client sent `command`.
    package mutating func received(_ command: Command, _ context: SessionContext) -> SessionAction {
        switch state {
        case .closed, .refused: return .none
        case .connecting:
            preconditionFailure("commands wait while a connect is under way")
        case .awaitingConnect:
            switch command.request {
            case .connect(let request)? where command.id > 0: return connectReceived(command.id, request, context)
            case .malformed(let request)? where request.isConnect && command.id > 0:
                return refuseFirst(command.id, request.error, context)
            default: return .disconnect(.badRequest)
            }
        case .connected:
            return connectedReceived(command, context)
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

    /// The connection is over: everything that must be undone, reservations included.
    package mutating func close() -> [Subscription] {
        state = .closed
        let open = subscriptions
        subscriptions = []
        pending = []
        questions = []
        connecting = nil
        return open
    }

    // MARK: Time

    /// What is due; more than one thing may be.
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
        if expireAt != 0, now.wallMs >= milliseconds(expireAt) + Int64(context.settings.expiredCloseDelay * 1_000) {
            return [.disconnect(.expired)]
        }
        let delay = Int64(context.settings.expiredSubCloseDelay * 1_000)
        for subscription in subscriptions
        where subscription.expireAt != 0 && now.wallMs >= milliseconds(subscription.expireAt) + delay {
            if subscription.flags.contains(.isServerSide) { return [.disconnect(.subscriptionExpired)] }
            actions.append(.expireSubscription(subscription))
        }
        if heartbeat.isPingDue(now) { actions.append(.sendPing) }
        return actions
    }

    /// When `timerFired` is next worth calling, in monotonic milliseconds.
    package func nextDeadline(_ context: SessionContext) -> Int64 {
        var deadline = heartbeat.nextDeadline(isConnected: state == .connected)
        func consider(_ expireAt: Int64, _ delay: Double) {
            guard expireAt != 0 else { return }
            let wall = milliseconds(expireAt) + Int64(delay * 1_000)
            deadline = min(deadline, context.now.monotonicMs + max(wall - context.now.wallMs, 0))
        }
        if state == .connected {
            consider(expireAt, context.settings.expiredCloseDelay)
            for subscription in subscriptions { consider(subscription.expireAt, context.settings.expiredSubCloseDelay) }
            considerRefreshes(context, &deadline)
        }
        return deadline
    }

    /// The native pong of a connection that uses frame pings.
    package mutating func framePongReceived() { _ = heartbeat.pongReceived() }

    package var usesFramePings: Bool { heartbeat.usesFramePings }
}

/// What a session needs to know besides itself.
package struct SessionContext {
    /// Shared by all contexts, so that making one copies nothing.
    package final class Settings: Sendable {
        package let client: ClientSettings
        package let hooks: HookSettings
        package init(_ client: ClientSettings, hooks: HookSettings = HookSettings()) {
            self.client = client
            self.hooks = hooks
        }
    }

    private let shared: Settings
    package let rules: ChannelRules
    package let now: Moment
    package let version: String

    package var hooks: HookSettings {
        _read { yield shared.hooks }
    }

    package var settings: ClientSettings {
        _read { yield shared.client }
    }

    package init(
        settings: ClientSettings, hooks: HookSettings = HookSettings(), rules: ChannelRules, now: Moment,
        version: String
    ) {
        self.init(Settings(settings, hooks: hooks), rules: rules, now: now, version: version)
    }

    package init(_ settings: Settings, rules: ChannelRules, now: Moment, version: String) {
        shared = settings
        self.rules = rules
        self.now = now
        self.version = version
    }

    var permissions: Permissions { Permissions(settings: settings, rules: rules) }
}
