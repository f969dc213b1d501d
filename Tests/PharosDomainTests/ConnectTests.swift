import PharosDomain
import PharosTestKit
import Testing

@Suite("connect")
struct ConnectTests {
    @Test("the reply names the client, the version and the pings")
    func reply() throws {
        var talk = Conversation()
        let result = try talk.connect()
        #expect(result.client == "01234567-89ab-cdef-fedc-ba9876543210")
        #expect(result.version == "pharos test")
        #expect(result.ping == 25)
        #expect(result.pong)
        #expect(result.expires == false)
        #expect(result.timeMs == 0)
        #expect(talk.session.state.name == "connected")
    }

    @Test("the server's time is sent if asked for")
    func serverTime() throws {
        var talk = Conversation { settings, _ in settings.connectIncludeServerTime = true }
        #expect(try talk.connect().timeMs == talk.clock.moment.wallMs)
    }

    @Test("frame pings replace the protocol's")
    func framePings() throws {
        var talk = Conversation(usesFramePings: true)
        let result = try talk.connect()
        #expect(result.ping == 0)
        #expect(result.pong == false)
    }

    @Test("no client connects without a token unless that is allowed")
    func anonymous() {
        var talk = Conversation { settings, _ in settings.allowAnonymousConnectWithoutToken = false }
        #expect(talk.received(.connect()) == refusal(1, .permissionDenied))
        var insecure = Conversation { settings, _ in
            settings.allowAnonymousConnectWithoutToken = false
            settings.insecure = true
        }
        #expect(insecure.received(.connect()) == .connected)
    }

    @Test("a trusted proxy's user needs no token")
    func userByProxy() {
        var talk = Conversation(user: "ann") { settings, _ in settings.allowAnonymousConnectWithoutToken = false }
        #expect(talk.received(.connect()) == .connected)
        #expect(talk.session.user == "ann")
    }

    @Test("an expired token is answered 109, a bad one ends the connection, missing keys are a temporary error")
    func tokenOutcomes() {
        var talk = Conversation()
        _ = talk.received(.connect(token: "token"))
        #expect(talk.session.connectionVerified(.expired, talk.context) == refusal(1, .tokenExpired))
        #expect(talk.session.state.name == "refused")

        talk = Conversation()
        _ = talk.received(.connect(token: "token"))
        #expect(
            talk.session.connectionVerified(.invalid(TokenFault(.signature, "signature")), talk.context)
                == .disconnect(.invalidToken))

        talk = Conversation()
        _ = talk.received(.connect(token: "token"))
        #expect(talk.session.connectionVerified(.needsKeys, talk.context) == refusal(1, .internalError))
    }

    @Test("tokens without a user may be refused")
    func anonymousTokens() {
        var talk = Conversation { settings, _ in settings.disallowAnonymousConnectionTokens = true }
        _ = talk.received(.connect(token: "token"))
        #expect(talk.verified(user: "") == refusal(1, .permissionDenied))
    }

    @Test("an answer about a token after the connection has ended does nothing")
    func lateAnswer() {
        var talk = Conversation()
        _ = talk.received(.connect(token: "token"))
        #expect(talk.session.close() == [])
        #expect(talk.verified(user: "ann") == .none)
        #expect(talk.session.state.name == "closed")
    }

    @Test("a token's end reaches the client as a time to live")
    func expiry() throws {
        var talk = Conversation()
        _ = talk.received(.connect(token: "token"))
        let end = talk.clock.moment.wallSeconds + 300
        #expect(talk.verified(user: "ann") { $0.expireAt = end } == .connected)
        let result = try talk.connectResult(talk.session.connectReply(talk.context))
        #expect(result.expires)
        #expect(result.ttl == 300)
    }

    @Test("server-side subscriptions come with the reply, each once, the last read brings it")
    func serverSideSubscriptions() throws {
        var talk = Conversation { settings, _ in settings.subscribeToUserPersonalChannel = true }
        _ = talk.received(.connect(token: "token"))
        let action = talk.verified(user: "42") {
            $0.channels = ["news", "sport"]
            $0.subscriptions["news"] = SubscriptionOptions()
            $0.subscriptions["news"]?.data = Array("{\"a\":1}".utf8)
        }
        #expect(action == .connected)
        let orders = talk.orders()
        #expect(orders.map(\.channel) == ["#42", "news", "sport"])
        #expect(orders.allSatisfy { $0.flags.contains(.isServerSide) && $0.purpose == .connect })
        #expect(talk.session.connectReply(talk.context) == nil)
        for order in orders.dropLast() { #expect(talk.attached(order) == .waits) }
        #expect(talk.attached(orders[2]) == .ready(orders))
        for order in orders.dropLast() {
            let answer = try talk.bound(order).answer
            #expect(answer == .partOfConnect(nil))
        }
        guard case .partOfConnect(let reply) = try talk.bound(orders[2]).answer else { throw Unexpected("no reply") }
        let result = try talk.connectResult(reply)
        #expect(Set(result.subscriptions.keys) == ["#42", "news", "sport"])
        #expect(result.subscriptions["news"]?.data == Array("{\"a\":1}".utf8))
        #expect(talk.session.state.name == "connected")
    }

    @Test("the personal channel may stand in a namespace; an anonymous client has none")
    func personalChannel() throws {
        func conversation() -> Conversation {
            Conversation { settings, channel in
                settings.subscribeToUserPersonalChannel = true
                settings.personalChannelNamespace = "user"
                channel.namespaces = [ChannelNamespace(name: "user", options: ChannelOptions())]
            }
        }
        var talk = conversation()
        _ = talk.received(.connect(token: "token"))
        #expect(talk.verified(user: "42") == .connected)
        #expect(talk.orders().map(\.channel) == ["user:#42"])
        var anonymous = conversation()
        #expect(anonymous.received(.connect()) == .connected)
        #expect(anonymous.orders() == [])
    }

    @Test("no channel of a connect is taken up before all have been read, so that no publication overtakes the reply")
    func channelsOfAConnectGoLiveTogether() throws {
        var talk = Conversation { _, channel in
            channel.withoutNamespace.historySize = 10
            channel.withoutNamespace.historyTTL = 60
            channel.withoutNamespace.forcePositioning = true
        }
        _ = talk.received(.connect(token: "token"))
        #expect(talk.verified(user: "ann", { $0.channels = ["a", "b", "c"] }) == .connected)
        let orders = talk.orders()
        let read = StreamRead(top: StreamPosition(offset: 7, epoch: "e"))
        #expect(talk.attached(orders[1], read) == .waits)
        #expect(talk.attached(orders[0], nil) == .waits)
        #expect(talk.session.subscriptions == [])
        #expect(talk.attached(orders[2], read) == .ready(orders))
        let positions = try orders.map { try talk.bound($0).position }
        #expect(positions == [nil, read.top, read.top])
        #expect(talk.session.subscriptions.map(\.channel) == ["a", "b", "c"])
    }

    @Test("a server-side subscription recovers from the position that the connect brings")
    func recovery() throws {
        var talk = Conversation { _, channel in
            channel.withoutNamespace.historySize = 10
            channel.withoutNamespace.historyTTL = 60
            channel.withoutNamespace.forceRecovery = true
        }
        _ = talk.received(
            .connect(token: "token") {
                var position = SubscribeRequest()
                position.recover = true
                position.offset = 3
                position.epoch = "e"
                $0.subscriptions["news"] = position
            })
        #expect(talk.verified(user: "42", { $0.channels = ["news"] }) == .connected)
        let orders = talk.orders()
        #expect(orders[0].recoverFrom == StreamPosition(offset: 3, epoch: "e"))
        let read = StreamRead(top: StreamPosition(offset: 5, epoch: "e"), publications: publications(4...5))
        let live = try talk.read(orders[0], read)
        #expect(live.position?.offset == 5)
        guard case .partOfConnect(let reply) = live.answer else { throw Unexpected("\(live)") }
        let result = try #require(try talk.connectResult(reply).subscriptions["news"])
        #expect(result.recovered)
        #expect(result.publications.map(\.offset) == [4, 5])
        #expect(result.offset == 3)
    }

    @Test("more server-side channels than the limit end the connection")
    func channelLimit() {
        var talk = Conversation { settings, _ in settings.channelLimit = 2 }
        _ = talk.received(.connect(token: "token"))
        #expect(talk.verified(user: "42") { $0.channels = ["a", "b", "c"] } == .disconnect(.channelLimit))
    }

    @Test("a server-side channel in an unknown namespace refuses the connect and leaves nothing under way")
    func unknownNamespace() {
        var talk = Conversation()
        _ = talk.received(.connect(token: "token"))
        #expect(talk.verified(user: "42") { $0.channels = ["a", "no:where"] } == refusal(1, .unknownChannel))
        #expect(talk.session.state.name == "refused")
        #expect(talk.session.connectReply(talk.context) == nil)
    }
}
