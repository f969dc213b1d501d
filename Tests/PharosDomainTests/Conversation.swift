import PharosDomain
import PharosTestKit
import Testing

/// One session with its settings and its clock.
///
/// Events go in, the actions that follow come out.
struct Conversation: ~Copyable {
    var session: ClientSession
    var clock = ManualClock()
    let settings: ClientSettings
    let rules: ChannelRules
    let hooks: HookSettings

    init(
        usesFramePings: Bool = false, hooks: HookSettings = HookSettings(), user: UserID? = nil,
        claims: ConnectionClaims? = nil, bringsKey: Bool = false,
        _ configure: (inout ClientSettings, inout ChannelSettings) -> Void = { _, _ in }
    ) {
        self.hooks = hooks
        var settings = ClientSettings()
        var channel = ChannelSettings()
        settings.allowAnonymousConnectWithoutToken = true
        channel.withoutNamespace.allowSubscribeForClient = true
        channel.withoutNamespace.allowSubscribeForAnonymous = true
        configure(&settings, &channel)
        self.settings = settings
        rules = ChannelRules(channel)
        session = ClientSession(
            client: Conversation.client, settings: settings, firstPing: 0.5, usesFramePings: usesFramePings,
            user: user, claims: claims, bringsKey: bringsKey, now: clock.moment)
    }

    static let client = ClientID(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)

    var context: SessionContext {
        SessionContext(
            settings: settings, hooks: hooks, rules: rules, now: clock.moment, version: "pharos test")
    }

    mutating func received(_ command: Command) -> SessionAction { session.received(command, context) }

    /// Connects and goes as far as the reply.
    @discardableResult
    mutating func connect(as user: UserID = "") throws -> ConnectResult {
        var action = received(.connect(token: user.isEmpty ? "" : "token"))
        if !user.isEmpty { action = verified(user: user) }
        #expect(action == .connected)
        return try connectResult(session.connectReply(context))
    }

    func connectResult(_ reply: Reply?) throws -> ConnectResult {
        guard case .connect(let result)? = reply?.result else { throw Unexpected("\(String(describing: reply))") }
        return result
    }

    mutating func verified(
        user: UserID, _ configure: (inout ConnectionClaims) -> Void = { _ in }
    ) -> SessionAction {
        var claims = ConnectionClaims()
        claims.user = user
        configure(&claims)
        return session.connectionVerified(.valid(claims), context)
    }

    /// The order of a subscribe action.
    func order(_ action: SessionAction) throws -> SubscribeOrder {
        guard case .subscribe(let order) = action else { throw Unexpected("\(action)") }
        return order
    }

    /// The server subscribes the client.
    mutating func ordered(
        _ channel: ChannelName, _ options: SubscriptionOptions = SubscriptionOptions()
    ) throws -> SubscribeOrder {
        guard let order = try session.subscribedByServer(channel, options, from: nil, context) else {
            throw Unexpected("no order")
        }
        return order
    }

    /// The channels of the connect, fetched as the service does it.
    mutating func orders() -> [SubscribeOrder] {
        var orders: [SubscribeOrder] = []
        while let order = session.nextOrder() { orders.append(order) }
        return orders
    }

    /// The service has carried out `order`.
    @discardableResult
    mutating func attached(_ order: SubscribeOrder, _ read: StreamRead? = nil) -> SubscribeCompletion {
        session.attached(generation: order.generation, .success(read), context)
    }

    /// Answers an order by a read; the subscription is bound, as the service does it.
    mutating func read(
        _ order: SubscribeOrder, _ read: StreamRead? = nil, binding: UInt32 = 77
    ) throws -> LiveSubscription {
        let completion = attached(order, read)
        guard completion == .ready([order]) else { throw Unexpected("\(completion)") }
        return try bound(order, binding)
    }

    mutating func bound(_ order: SubscribeOrder, _ binding: UInt32 = 77) throws -> LiveSubscription {
        guard let live = session.wentLive(generation: order.generation, binding: binding, context) else {
            throw Unexpected("not ready")
        }
        return live
    }

    /// Subscribes and answers the read; the reply's result.
    @discardableResult
    mutating func subscribe(id: UInt32 = 2, _ channel: ChannelName, top: StreamPosition? = nil) throws
        -> SubscribeResult
    {
        let order = try order(received(.subscribe(id: id, channel)))
        return try result(read(order, top.map { StreamRead(top: $0) }))
    }

    func result(_ live: LiveSubscription) throws -> SubscribeResult {
        guard case .reply(let reply) = live.answer, case .subscribe(let result) = reply.result else {
            throw Unexpected("\(live)")
        }
        return result
    }

    /// The action after time has passed and the timer has fired.
    mutating func after(seconds: Double) -> [TimerAction] {
        clock.advance(byMs: Int64(seconds * 1_000))
        return session.timerFired(context)
    }
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension ClientSession.State {
    /// The state without what it holds.
    var name: String {
        switch self {
        case .awaitingConnect: "awaiting connect"
        case .connecting: "connecting"
        case .connected: "connected"
        case .refused: "refused"
        case .closed: "closed"
        }
    }
}

/// The action that answers command `id` with an error.
func refusal(_ id: UInt32, _ error: ReplyError) -> SessionAction {
    .reply(Reply(id: id, result: .error(error)))
}

func publications(_ offsets: ClosedRange<UInt64>) -> [Publication] {
    offsets.map { Publication(data: Array("\($0)".utf8), offset: $0) }
}
