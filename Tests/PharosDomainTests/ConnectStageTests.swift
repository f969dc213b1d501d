import PharosDomain
import PharosTestKit
import Testing

/// A connect on its way: each answer where it is awaited, and everywhere else.
@Suite("the stages of a connect")
struct ConnectStageTests {
    enum Stage: CaseIterable { case awaiting, verifying, asking, claiming, subscribing, connected, refused, closed }

    private static let grant = HookOutcome.granted(.connect(ConnectionClaims(), data: []))

    /// Brings a connect as far as `stage`.
    ///
    /// - Parameter question: the number of the question that is open, where the application was asked.
    private func talk(_ stage: Stage, question: inout UInt32) throws -> Conversation {
        var hooks = HookSettings()
        if stage == .asking { hooks.connect = "app" }
        var talk = Conversation(hooks: hooks, bringsKey: stage == .claiming) { settings, _ in
            settings.allowAnonymousConnectWithoutToken = stage != .refused
        }
        switch stage {
        case .awaiting: break
        case .verifying: _ = talk.received(.connect(token: "token"))
        case .asking:
            guard case .ask(let ticket) = talk.received(.connect()) else { throw Unexpected("not asked") }
            question = ticket.number
        case .claiming: #expect(talk.received(.connect()) == .claimSession(user: nil, expireAt: 0))
        case .subscribing:
            _ = talk.received(.connect(token: "token"))
            #expect(talk.verified(user: "ann") { $0.channels = ["a", "b"] } == .connected)
        case .connected: try talk.connect()
        case .refused: _ = talk.received(.connect())
        case .closed:
            try talk.connect()
            _ = talk.session.close()
        }
        return talk
    }

    private func name(_ stage: Stage) -> String {
        switch stage {
        case .awaiting: "awaiting connect"
        case .verifying, .asking, .claiming, .subscribing: "connecting"
        case .connected: "connected"
        case .refused: "refused"
        case .closed: "closed"
        }
    }

    @Test("an answer acts in its own stage and in no other", arguments: Stage.allCases)
    func answersOfOtherStages(_ stage: Stage) throws {
        var number: UInt32 = 1
        var talk = try talk(stage, question: &number)
        if stage != .verifying {
            #expect(talk.verified(user: "bob") == .none)
            #expect(talk.session.connectionVerified(.expired, talk.context) == .none)
        }
        if stage != .asking { #expect(talk.session.hookAnswered(number, Self.grant, talk.context) == .none) }
        if stage != .claiming {
            #expect(talk.session.sessionClaimed(.unknown, talk.context) == .none)
            #expect(talk.session.sessionClaimed(.refused(.permissionDenied), talk.context) == .none)
        }
        if stage != .subscribing { #expect(talk.orders() == []) }
        let reply = talk.session.connectReply(talk.context)
        #expect(reply == nil)
        #expect(talk.session.state.name == name(stage))
        #expect(talk.session.user == (stage == .subscribing ? "ann" : ""))
    }

    @Test("while a connect is under way every command waits, and nothing traps", arguments: Stage.allCases)
    func commands(_ stage: Stage) throws {
        var number: UInt32 = 0
        var talk = try talk(stage, question: &number)
        let isConnecting = [Stage.verifying, .asking, .claiming, .subscribing].contains(stage)
        for command in [Command.connect(id: 9), .subscribe(id: 9, "news"), .publish(id: 9, "news"), .pong] {
            #expect(talk.session.mustWait(command) == isConnecting)
            if isConnecting { #expect(talk.received(command) == .wait) }
        }
        #expect(talk.session.state.name == name(stage))
    }

    @Test("it can end at every stage, and then nothing has any effect", arguments: Stage.allCases)
    func closed(_ stage: Stage) throws {
        var number: UInt32 = 0
        var talk = try talk(stage, question: &number)
        let ended = talk.session.close()
        #expect(ended.map(\.channel) == (stage == .subscribing ? ["a", "b"] : []))
        #expect(talk.session.state.name == "closed")
        #expect(talk.verified(user: "bob") == .none)
        #expect(talk.session.hookAnswered(number, Self.grant, talk.context) == .none)
        #expect(talk.session.sessionClaimed(.granted(nil), talk.context) == .none)
        #expect(talk.received(.connect()) == .none)
        #expect(talk.orders() == [])
        #expect(talk.session.close() == [])
        #expect(talk.after(seconds: 1_000) == [])
    }

    // MARK: Several channels

    @Test("channels that the service has not fetched are not undone; those that it has are")
    func fetchedChannels() throws {
        var number: UInt32 = 0
        var talk = try talk(.subscribing, question: &number)
        guard let first = talk.session.nextOrder() else { throw Unexpected("no order") }
        #expect(talk.attached(first) == .waits)
        #expect(talk.session.positionedChannels == [])
        #expect(talk.session.close() == [.ordered(first), .reserved("b", generation: 2)])
    }

    @Test("a channel that cannot be read ends the connection, whichever others have been")
    func unreadable() throws {
        var number: UInt32 = 0
        var talk = try talk(.subscribing, question: &number)
        let orders = talk.orders()
        #expect(talk.attached(orders[0]) == .waits)
        let completion = talk.session.attached(
            generation: orders[1].generation, .failure(.internalError), talk.context)
        #expect(completion == .disconnect(.serverError))
        #expect(talk.session.close() == orders.map { .ordered($0) })
    }

    @Test("what arrives for a channel while the others are read comes with the reply")
    func buffered() throws {
        var talk = Conversation { _, channel in
            channel.withoutNamespace.historySize = 10
            channel.withoutNamespace.historyTTL = 60
            channel.withoutNamespace.forceRecovery = true
        }
        _ = talk.received(.connect(token: "token"))
        var options = SubscriptionOptions()
        options.data = [1]
        #expect(talk.verified(user: "ann") { $0.subscriptions = ["a": options, "b": options] } == .connected)
        let orders = talk.orders()
        let read = StreamRead(top: StreamPosition(offset: 3, epoch: "e"))
        #expect(talk.attached(orders[0], read) == .waits)
        talk.session.publicationArrived(Publication(data: [], offset: 4), generation: orders[0].generation)
        // An answer that comes twice does not replace the first.
        let newer = StreamRead(top: StreamPosition(offset: 9, epoch: "e"))
        #expect(talk.attached(orders[0], newer) == .late)
        #expect(talk.attached(orders[1], read) == .ready(orders))
        #expect(try talk.bound(orders[0]).position?.offset == 4)
        let live = try talk.bound(orders[1])
        #expect(live.position?.offset == 3)
        guard case .partOfConnect(let reply) = live.answer else { throw Unexpected("\(live)") }
        let result = try talk.connectResult(reply)
        #expect(result.subscriptions.mapValues(\.offset) == ["a": 4, "b": 3])
        #expect(result.subscriptions.mapValues(\.data) == ["a": [1], "b": [1]])
    }

    @Test("one channel whose buffer overflows ends the connection once all have been read")
    func overflow() throws {
        var number: UInt32 = 0
        var talk = try talk(.subscribing, question: &number)
        let orders = talk.orders()
        #expect(talk.attached(orders[0]) == .waits)
        for offset in 1...UInt64(ClientSession.recoveryBufferLimit + 1) {
            talk.session.publicationArrived(
                Publication(data: [], offset: offset), generation: orders[0].generation)
        }
        #expect(talk.attached(orders[1]) == .disconnect(.insufficientState))
        #expect(talk.session.close() == orders.map { .ordered($0) })
    }

    // MARK: The key of a session

    private func left(_ user: UserID, _ channels: [ChannelName] = []) throws -> RestoredState {
        var talk = Conversation()
        try talk.connect(as: user)
        for (index, channel) in channels.enumerated() { try talk.subscribe(id: UInt32(index) + 2, channel) }
        return RestoredState(talk.session) { _ in nil }
    }

    @Test("a client known by its key alone goes on as who it was, with its channels")
    func keyAlone() throws {
        var number: UInt32 = 0
        var talk = try talk(.claiming, question: &number)
        let left = try left("ann", ["news"])
        #expect(talk.session.sessionClaimed(.granted(left), talk.context) == .connected)
        #expect(talk.session.user == "ann")
        #expect(talk.session.unusedState == left)
        let orders = talk.orders()
        #expect(orders.map(\.channel) == ["news"])
        _ = try talk.read(orders[0])
        #expect(talk.session.isConnected == true)
        #expect(talk.session.unusedState == nil)
    }

    @Test("what was given to a client that is then refused is there for the next one")
    func unused() throws {
        var talk = Conversation(bringsKey: true)
        _ = talk.received(.connect(token: "token"))
        #expect(talk.verified(user: "bob") == .claimSession(user: "bob", expireAt: 0))
        #expect(talk.session.unusedState == nil)
        let left = try left("ann")
        #expect(talk.session.sessionClaimed(.granted(left), talk.context) == refusal(1, .permissionDenied))
        #expect(talk.session.state.name == "refused")
        #expect(talk.session.unusedState == left)
        _ = talk.session.close()
        #expect(talk.session.unusedState == nil)
    }

    @Test("who a client is by the handshake goes before the proxy's word, and a token before both")
    func precedence() throws {
        var claims = ConnectionClaims()
        claims.user = "by handshake"
        var talk = Conversation(user: "by proxy", claims: claims)
        #expect(talk.session.user == "by proxy")
        #expect(talk.received(.connect()) == .connected)
        #expect(talk.session.user == "by handshake")
        talk = Conversation(user: "by proxy", claims: claims)
        _ = talk.received(.connect(token: "token"))
        #expect(talk.verified(user: "by token") == .connected)
        #expect(talk.session.user == "by token")
    }
}
