import PharosDomain
import PharosTestKit
import Testing

/// One session with its settings and its clock: events go in, the actions that follow come out.
struct Conversation {
    var session: ClientSession
    var clock = ManualClock()
    let settings: ClientSettings
    let rules: ChannelRules
    let hooks: HookSettings

    init(
        usesFramePings: Bool = false, hooks: HookSettings = HookSettings(),
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
            now: clock.moment)
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
        #expect(action == .connected([]))
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

    /// What the order of a subscribe action says.
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

    mutating func read(
        _ order: SubscribeOrder, _ read: StreamRead? = nil
    ) -> SubscribeCompletion {
        session.streamRead(generation: order.generation, read, context)
    }

    /// Subscribes and answers the read; the reply's result.
    @discardableResult
    mutating func subscribe(id: UInt32 = 2, _ channel: ChannelName, top: StreamPosition? = nil) throws
        -> SubscribeResult
    {
        let order = try order(received(.subscribe(id: id, channel)))
        session.began(order, binding: 77)
        return try result(read(order, top.map { StreamRead(top: $0) }))
    }

    func result(_ completion: SubscribeCompletion) throws -> SubscribeResult {
        guard case .live(_, .reply(let reply), _) = completion, case .subscribe(let result) = reply.result else {
            throw Unexpected("\(completion)")
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

/// The action that answers command `id` with an error.
func refusal(_ id: UInt32, _ error: ReplyError) -> SessionAction {
    .reply(Reply(id: id, result: .error(error)))
}

func publications(_ offsets: ClosedRange<UInt64>) -> [Publication] {
    offsets.map { Publication(data: Array("\($0)".utf8), offset: $0) }
}
