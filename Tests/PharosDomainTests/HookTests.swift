import PharosDomain
import PharosTestKit
import Testing

/// Transcripts of a session that puts questions to the application.
@Suite("questions to the application")
struct HookTests {
    private func talk(_ configure: (inout HookSettings, inout ChannelSettings) -> Void) -> Conversation {
        var hooks = HookSettings()
        var channels = ChannelSettings()
        configure(&hooks, &channels)
        return Conversation(hooks: hooks) { settings, channel in
            settings.allowAnonymousConnectWithoutToken = false
            settings.pingInterval = 0
            channel = channels
        }
    }

    private func ticket(_ action: SessionAction) throws -> HookTicket {
        guard case .ask(let ticket) = action else { throw Unexpected("\(action)") }
        return ticket
    }

    private func claims(_ user: UserID, _ configure: (inout ConnectionClaims) -> Void = { _ in }) -> ConnectionClaims {
        var claims = ConnectionClaims()
        claims.user = user
        configure(&claims)
        return claims
    }

    /// Connects through the hook.
    private func connected(
        _ talk: inout Conversation, _ configure: (inout ConnectionClaims) -> Void = { _ in }
    ) throws -> ConnectResult {
        let ticket = try ticket(talk.received(.connect(token: "")))
        let answer = HookOutcome.granted(.connect(claims("ann", configure), data: []))
        #expect(talk.session.hookAnswered(ticket.number, answer, talk.context) == .connected)
        return try talk.connectResult(talk.session.connectReply(talk.context))
    }

    // MARK: Connect

    @Test("without a token the application says who the client is, and what its reply holds")
    func connect() throws {
        var talk = talk { hooks, _ in hooks.connect = "app" }
        let ticket = try ticket(talk.received(.connect(token: "")))
        #expect(ticket.origin == "app")
        #expect(ticket.question == .connect(data: [], name: "", version: "", headers: [:]))
        #expect(talk.session.mustWait(.pong) == true)
        let answer = HookOutcome.granted(.connect(claims("ann"), data: [7]), meta: [9])
        #expect(talk.session.hookAnswered(ticket.number, answer, talk.context) == .connected)
        let result = try talk.connectResult(talk.session.connectReply(talk.context))
        #expect(result.data == [7])
        #expect(talk.session.user == "ann")
        #expect(talk.session.meta == [9])
    }

    @Test("a token is a token, also where there is a hook")
    func token() {
        var talk = talk { hooks, _ in hooks.connect = "app" }
        #expect(talk.received(.connect(token: "mine")) == .verifyConnection(token: "mine"))
    }

    @Test(
        "no client is admitted unasked: errors, statuses, silence and nonsense refuse the connect",
        arguments: [
            (HookOutcome.refused(ReplyError(code: 1_000, message: "no")), ReplyError(code: 1_000, message: "no")),
            (.unavailable, .internalError), (.status(403), .permissionDenied), (.status(418), .internalError),
            (.granted(.rpc(data: [1])), .internalError), (.granted(.handshake(ConnectionClaims())), .internalError),
        ])
    func refusedConnect(outcome: HookOutcome, error: ReplyError) throws {
        var talk = talk { hooks, _ in hooks.connect = "app" }
        let ticket = try ticket(talk.received(.connect(token: "")))
        #expect(talk.session.hookAnswered(ticket.number, outcome, talk.context) == refusal(1, error))
        #expect(talk.session.state.name == "refused")
        let late = HookOutcome.granted(.connect(claims("ann"), data: []))
        #expect(talk.session.hookAnswered(ticket.number, late, talk.context) == .none)
    }

    @Test("the application may send a client away with a code of its own")
    func disconnected() throws {
        var talk = talk { hooks, _ in hooks.connect = "app" }
        let ticket = try ticket(talk.received(.connect(token: "")))
        let reason = Disconnect(code: 4_501, reason: "banned")
        #expect(talk.session.hookAnswered(ticket.number, .disconnect(reason), talk.context) == .disconnect(reason))
    }

    @Test("what a connection carries is bounded")
    func metaLimit() throws {
        var talk = talk { hooks, _ in hooks.connect = "app" }
        let ticket = try ticket(talk.received(.connect(token: "")))
        let meta = [UInt8](repeating: 0x20, count: ClientSession.metaLimit + 1)
        let answer = HookOutcome.granted(.connect(claims("ann"), data: []), meta: meta)
        #expect(talk.session.hookAnswered(ticket.number, answer, talk.context) == refusal(1, .internalError))
    }

    // MARK: Subscribe

    @Test("a late answer and a second one never touch a newer subscription of the same channel")
    func lateSubscribe() throws {
        var talk = talk { hooks, channel in
            hooks.connect = "app"
            channel.withoutNamespace.subscribeHook = "app"
        }
        _ = try connected(&talk)
        let first = try ticket(talk.received(.subscribe(id: 2, "news")))
        #expect(first.question == .subscribe(channel: "news", token: "", data: []))
        #expect(talk.received(.subscribe(id: 3, "news")) == refusal(3, .alreadySubscribed))
        // The client changes its mind while the application thinks: both commands are answered at once.
        #expect(talk.session.mustWait(.unsubscribe(id: 4, "news")) == false)
        #expect(
            talk.received(.unsubscribe(id: 4, "news"))
                == .replies([Reply(id: 2, result: .error(.internalError)), Reply(id: 4, result: .unsubscribe)]))
        let second = try ticket(talk.received(.subscribe(id: 5, "news")))
        #expect(second.number != first.number)
        let grant = HookOutcome.granted(.subscribe(SubscriptionOptions()))
        #expect(talk.session.hookAnswered(first.number, grant, talk.context) == .none)
        #expect(talk.session.hookAnswered(first.number, .refused(.permissionDenied), talk.context) == .none)
        let order = try talk.order(talk.session.hookAnswered(second.number, grant, talk.context))
        #expect(order.purpose == .command(5))
        #expect(talk.session.hookAnswered(second.number, .disconnect(.forceDisconnect), talk.context) == .none)
        _ = try talk.result(talk.read(order))
        #expect(talk.session.subscription(of: "news")?.binding == 77)
    }

    @Test("while one channel is asked about, commands about others go on, and those about it wait")
    func others() throws {
        var talk = talk { hooks, channel in
            hooks.connect = "app"
            channel.withoutNamespace.subscribeHook = "app"
        }
        _ = try connected(&talk)
        _ = try ticket(talk.received(.subscribe(id: 2, "news")))
        #expect(talk.session.mustWait(.pong) == false)
        #expect(talk.session.mustWait(.publish(id: 3, "news", "1")) == true)
        #expect(talk.session.mustWait(.publish(id: 3, "log", "1")) == false)
    }

    @Test("a refused subscribe leaves nothing behind, and the next one is asked about anew")
    func refusedSubscribe() throws {
        var talk = talk { hooks, channel in
            hooks.connect = "app"
            channel.withoutNamespace.subscribeHook = "app"
        }
        _ = try connected(&talk)
        let ticket = try ticket(talk.received(.subscribe(id: 2, "news")))
        #expect(
            talk.session.hookAnswered(ticket.number, .unavailable, talk.context) == refusal(2, .internalError))
        #expect(talk.session.subscriptions.isEmpty)
        guard case .ask = talk.received(.subscribe(id: 3, "news")) else { throw Unexpected("not asked") }
    }

    // MARK: Publish, calls, messages

    @Test("a publication waits for the application, which may change it, drop it or refuse it")
    func publish() throws {
        var talk = talk { hooks, channel in
            hooks.connect = "app"
            channel.withoutNamespace.publishHook = "app"
        }
        _ = try connected(&talk)
        let first = try ticket(talk.received(.publish(id: 2, "news", "1")))
        #expect(talk.session.mustWait(.publish(id: 3, "sport", "2")) == true)
        var changed = HookPublish()
        changed.data = Array("10".utf8)
        let action = talk.session.hookAnswered(first.number, .granted(.publish(changed)), talk.context)
        guard case .publishGranted(2, "news", changed, _) = action else { throw Unexpected("\(action)") }
        #expect(talk.session.mustWait(.publish(id: 3, "sport", "2")) == false)
        let second = try ticket(talk.received(.publish(id: 3, "news", "2")))
        var dropped = HookPublish()
        dropped.isDropped = true
        #expect(
            talk.session.hookAnswered(second.number, .granted(.publish(dropped)), talk.context)
                == .reply(Reply(id: 3, result: .publish)))
        let third = try ticket(talk.received(.publish(id: 4, "news", "3")))
        #expect(
            talk.session.hookAnswered(third.number, .refused(.permissionDenied), talk.context)
                == refusal(4, .permissionDenied))
    }

    @Test("calls go to the origin of the longest prefix; without one the method is not found")
    func rpc() throws {
        var talk = talk { hooks, _ in
            hooks.connect = "app"
            hooks.rpc = [RPCRule(prefix: "user.", origin: "users"), RPCRule(prefix: "user.admin.", origin: "admins")]
        }
        _ = try connected(&talk)
        let call = try ticket(talk.received(Command(id: 2, request: .rpc(method: "user.admin.list", data: [1]))))
        #expect(call.origin == "admins")
        let other = try ticket(talk.received(Command(id: 3, request: .rpc(method: "user.get", data: []))))
        #expect(other.origin == "users")
        // Answers may come in another order.
        #expect(
            talk.session.hookAnswered(other.number, .granted(.rpc(data: [3])), talk.context)
                == .reply(Reply(id: 3, result: .rpc(data: [3]))))
        #expect(
            talk.session.hookAnswered(call.number, .granted(.rpc(data: [2])), talk.context)
                == .reply(Reply(id: 2, result: .rpc(data: [2]))))
        #expect(talk.received(Command(id: 4, request: .rpc(method: "order", data: []))) == refusal(4, .methodNotFound))
    }

    @Test("one connection may have only so many questions open")
    func openQuestions() throws {
        var talk = talk { hooks, _ in
            hooks.connect = "app"
            hooks.rpc = [RPCRule(prefix: "", origin: "app")]
            hooks.openQuestions = 2
        }
        _ = try connected(&talk)
        let first = try ticket(talk.received(Command(id: 2, request: .rpc(method: "a", data: []))))
        _ = try ticket(talk.received(Command(id: 3, request: .rpc(method: "b", data: []))))
        #expect(talk.received(Command(id: 4, request: .rpc(method: "c", data: []))) == refusal(4, .tooManyRequests))
        _ = talk.session.hookAnswered(first.number, .granted(.rpc(data: [])), talk.context)
        _ = try ticket(talk.received(Command(id: 5, request: .rpc(method: "d", data: []))))
    }

    @Test("a message has no answer; without a hook for it the connection ends as before")
    func message() throws {
        var talk = talk { hooks, _ in
            hooks.connect = "app"
            hooks.message = "app"
        }
        _ = try connected(&talk)
        let ticket = try ticket(talk.received(Command(id: 0, request: .send(data: [5]))))
        #expect(ticket.question == .message(data: [5]))
        #expect(talk.session.hookAnswered(ticket.number, .granted(.message), talk.context) == .none)
        var plain = Conversation()
        try plain.connect()
        #expect(plain.received(Command(id: 0, request: .send(data: [5]))) == .disconnect(.notAvailable))
    }

    @Test("a message with an id is answered under it, and never ends the connection for want of a hook or of room")
    func messageWithID() throws {
        var talk = talk { hooks, _ in
            hooks.connect = "app"
            hooks.message = "app"
            hooks.openQuestions = 1
        }
        _ = try connected(&talk)
        func ask(_ id: UInt32) throws -> HookTicket {
            try ticket(talk.received(Command(id: id, request: .send(data: [5]))))
        }
        func answer(_ ticket: HookTicket, _ outcome: HookOutcome) -> SessionAction {
            talk.session.hookAnswered(ticket.number, outcome, talk.context)
        }
        let taken = try ask(2)
        #expect(
            talk.received(Command(id: 3, request: .send(data: [6]))) == refusal(3, .tooManyRequests))
        #expect(answer(taken, .granted(.message)) == .reply(Reply(id: 2, result: .ping)))
        #expect(answer(try ask(4), .unavailable) == refusal(4, .internalError))
        let mine = ReplyError(code: 1_234, message: "mine")
        #expect(answer(try ask(5), .refused(mine)) == refusal(5, mine))
        #expect(answer(try ask(6), .granted(.publish(HookPublish()))) == refusal(6, .internalError))
        let gone = Disconnect(code: 4_505, reason: "bad mood")
        #expect(answer(try ask(7), .disconnect(gone)) == .disconnect(gone))
        var plain = Conversation()
        try plain.connect()
        #expect(plain.received(Command(id: 8, request: .send(data: [5]))) == refusal(8, .notAvailable))
        #expect(plain.received(Command(id: 9, request: .ping)) == refusal(9, .notAvailable))
    }

    // MARK: Refresh

    @Test("with a refresh hook the client has nothing to refresh: the application is asked when the time has come")
    func refresh() throws {
        var talk = talk { hooks, _ in
            hooks.connect = "app"
            hooks.refresh = "app"
        }
        let end = talk.clock.moment.wallSeconds + 10
        let result = try connected(&talk) { $0.expireAt = end }
        #expect(!result.expires)
        #expect(result.ttl == 0)
        #expect(talk.session.nextDeadline(talk.context) == talk.clock.nowMs + 10_000)
        #expect(talk.after(seconds: 9.9) == [])
        guard case .ask(let first)? = talk.after(seconds: 0.1).first else { throw Unexpected("not asked") }
        #expect(first.question == .refresh)
        // One question at a time; after silence another one.
        #expect(talk.after(seconds: 3) == [])
        #expect(talk.session.hookAnswered(first.number, .unavailable, talk.context) == .none)
        guard case .ask(let second)? = talk.after(seconds: 1).first else { throw Unexpected("not asked again") }
        var refreshed = HookRefresh()
        refreshed.expireAt = talk.clock.moment.wallSeconds + 100
        refreshed.info = [1]
        #expect(talk.session.hookAnswered(second.number, .granted(.refresh(refreshed)), talk.context) == .none)
        #expect(talk.session.info == [1])
        #expect(talk.after(seconds: 90) == [])
        guard case .ask(let third)? = talk.after(seconds: 10).first else { throw Unexpected("not asked") }
        var over = HookRefresh()
        over.isExpired = true
        #expect(
            talk.session.hookAnswered(third.number, .granted(.refresh(over)), talk.context) == .disconnect(.expired))
    }

    @Test("an application that is silent for too long lets the connection expire: closed, not open")
    func silence() throws {
        var talk = talk { hooks, _ in
            hooks.connect = "app"
            hooks.refresh = "app"
        }
        let end = talk.clock.moment.wallSeconds + 10
        _ = try connected(&talk) { $0.expireAt = end }
        guard case .ask? = talk.after(seconds: 10).first else { throw Unexpected("not asked") }
        #expect(talk.after(seconds: 24.9) == [])
        #expect(talk.after(seconds: 0.1) == [.disconnect(.expired)])
    }

    @Test("a subscription that the hook let in is asked about when it expires, and ends if it is over")
    func subRefresh() throws {
        var talk = talk { hooks, channel in
            hooks.connect = "app"
            channel.withoutNamespace.subscribeHook = "app"
            channel.withoutNamespace.subRefreshHook = "app"
        }
        _ = try connected(&talk)
        let subscribe = try ticket(talk.received(.subscribe(id: 2, "news")))
        var options = SubscriptionOptions()
        options.expireAt = talk.clock.moment.wallSeconds + 10
        let order = try talk.order(
            talk.session.hookAnswered(subscribe.number, .granted(.subscribe(options)), talk.context))
        #expect(try !talk.result(talk.read(order)).expires)
        guard case .ask(let first)? = talk.after(seconds: 10).first else { throw Unexpected("not asked") }
        #expect(first.question == .subRefresh(channel: "news"))
        var later = HookRefresh()
        later.expireAt = talk.clock.moment.wallSeconds + 10
        #expect(talk.session.hookAnswered(first.number, .granted(.subRefresh(later)), talk.context) == .none)
        guard case .ask(let second)? = talk.after(seconds: 10).first else { throw Unexpected("not asked") }
        var over = HookRefresh()
        over.isExpired = true
        let action = talk.session.hookAnswered(second.number, .granted(.subRefresh(over)), talk.context)
        guard case .expireSubscription(let subscription) = action else { throw Unexpected("\(action)") }
        #expect(subscription.channel == "news")
    }

    @Test("answers that come after the end do nothing")
    func afterTheEnd() throws {
        var talk = talk { hooks, channel in
            hooks.connect = "app"
            channel.withoutNamespace.publishHook = "app"
        }
        _ = try connected(&talk)
        let ticket = try ticket(talk.received(.publish(id: 2, "news", "1")))
        _ = talk.session.close()
        #expect(talk.session.hookAnswered(ticket.number, .granted(.publish(HookPublish())), talk.context) == .none)
    }
}
