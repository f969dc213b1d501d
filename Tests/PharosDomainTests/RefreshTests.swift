import PharosDomain
import PharosTestKit
import Testing

@Suite("refresh and expiry")
struct RefreshTests {
    private func connected(expiresIn seconds: Int64) throws -> Conversation {
        var talk = Conversation()
        _ = talk.received(.connect(token: "token"))
        let end = talk.clock.moment.wallSeconds + seconds
        _ = talk.verified(user: "ann") { $0.expireAt = end }
        _ = try talk.connectResult(talk.session.connectReply(talk.context))
        return talk
    }

    private func outcome(_ talk: borrowing Conversation, user: UserID = "ann", in seconds: Int64) -> TokenOutcome<
        ConnectionClaims
    > {
        var claims = ConnectionClaims()
        claims.user = user
        claims.expireAt = talk.clock.moment.wallSeconds + seconds
        return .valid(claims)
    }

    @Test("a good refresh moves the end, and the reply says so")
    func good() throws {
        var talk = try connected(expiresIn: 10)
        #expect(talk.received(.refresh(id: 2, token: "new")) == .verifyRefresh(command: 2, token: "new"))
        var result = RefreshResult()
        result.client = Conversation.client.name
        result.version = "pharos test"
        result.expires = true
        result.ttl = 100
        #expect(
            talk.session.refreshVerified(2, outcome(talk, in: 100), talk.context)
                == .reply(Reply(id: 2, result: .refresh(result))))
        #expect(!talk.after(seconds: 40).contains(.disconnect(.expired)))
    }

    @Test("empty token 3501; expired 3005; invalid or another user 3500; no keys a temporary error")
    func refused() throws {
        var talk = try connected(expiresIn: 10)
        #expect(talk.received(.refresh(id: 2, token: "")) == .disconnect(.badRequest))
        #expect(talk.session.refreshVerified(2, .expired, talk.context) == .disconnect(.expired))
        #expect(
            talk.session.refreshVerified(2, .invalid(TokenFault(.signature, "signature")), talk.context)
                == .disconnect(.invalidToken))
        #expect(
            talk.session.refreshVerified(2, outcome(talk, user: "bob", in: 9), talk.context)
                == .disconnect(.invalidToken))
        #expect(talk.session.refreshVerified(2, .needsKeys, talk.context) == refusal(2, .internalError))
    }

    @Test("25 seconds after its end the connection is closed, not before")
    func connectionExpiry() throws {
        var talk = Conversation { settings, _ in settings.pingInterval = 0 }
        _ = talk.received(.connect(token: "token"))
        let end = talk.clock.moment.wallSeconds + 10
        _ = talk.verified(user: "ann") { $0.expireAt = end }
        _ = try talk.connectResult(talk.session.connectReply(talk.context))
        #expect(talk.session.nextDeadline(talk.context) == talk.clock.nowMs + 35_000)
        #expect(talk.after(seconds: 34.9) == [])
        #expect(talk.after(seconds: 0.1) == [.disconnect(.expired)])
    }

    @Test("an end near the largest number overflows nothing")
    func hugeExpiry() throws {
        var talk = try connected(expiresIn: 10)
        for end in [Int64.max, .max / 1_000, .max / 1_000 + 1, .min] {
            _ = talk.session.refreshedByServer(expireAt: end, info: [], talk.context)
            _ = talk.session.nextDeadline(talk.context)
            _ = talk.session.timerFired(talk.context)
        }
    }

    @Test("the server's refresh reaches the client as a push")
    func byServer() throws {
        var talk = try connected(expiresIn: 10)
        let end = talk.clock.moment.wallSeconds + 60
        #expect(
            talk.session.refreshedByServer(expireAt: end, info: [1], talk.context)
                == Push(channel: "", event: .refresh(expires: true, ttl: 60)))
        #expect(talk.session.info == [1])
        #expect(
            talk.session.refreshedByServer(expireAt: 0, info: [], talk.context)
                == Push(channel: "", event: .refresh(expires: false, ttl: 0)))
        #expect(talk.session.info == [1])
    }
}

@Suite("sub-refresh and expiry of a subscription")
struct SubRefreshTests {
    private func subscribed() throws -> Conversation {
        var talk = Conversation { settings, _ in settings.pingInterval = 0 }
        try talk.connect(as: "ann")
        _ = talk.received(.subscribe(id: 2, "news", token: "token"))
        let order = try talk.order(
            talk.session.subscriptionVerified(generation: 1, outcome(talk, in: 10), talk.context))
        _ = try talk.result(talk.read(order))
        return talk
    }

    private func outcome(
        _ talk: borrowing Conversation, user: UserID = "ann", channel: ChannelName = "news", in seconds: Int64
    ) -> TokenOutcome<SubscriptionClaims> {
        var claims = SubscriptionClaims()
        claims.user = user
        claims.channel = channel
        claims.expireAt = talk.clock.moment.wallSeconds + seconds
        return .valid(claims)
    }

    private func verify(_ talk: inout Conversation, _ outcome: TokenOutcome<SubscriptionClaims>) throws -> SessionAction
    {
        let asked = talk.received(.subRefresh(id: 3, "news", token: "new"))
        guard case .verifySubRefresh(3, "news", let generation, "new") = asked else { throw Unexpected("\(asked)") }
        return talk.session.subRefreshVerified(
            3, channel: "news", generation: generation, outcome, talk.context)
    }

    @Test("a good token moves the end")
    func good() throws {
        var talk = try subscribed()
        #expect(
            try verify(&talk, outcome(talk, in: 100))
                == .reply(Reply(id: 3, result: .subRefresh(expires: true, ttl: 100))))
        #expect(talk.after(seconds: 40) == [])
    }

    @Test("not subscribed 103; empty token 107; track 107")
    func malformed() throws {
        var talk = try subscribed()
        #expect(talk.received(.subRefresh(id: 3, "other", token: "new")) == refusal(3, .permissionDenied))
        #expect(talk.received(.subRefresh(id: 4, "news", token: "")) == refusal(4, .badRequest))
        var track = SubRefreshRequest()
        track.channel = "news"
        track.token = "new"
        track.unsupported = .otherType
        #expect(talk.received(Command(id: 5, request: .subRefresh(track))) == refusal(5, .badRequest))
    }

    @Test("an expired token is 109, the old end stays, and after the delay the subscription ends with 2501")
    func expired() throws {
        var talk = try subscribed()
        #expect(try verify(&talk, .expired) == refusal(3, .tokenExpired))
        #expect(talk.after(seconds: 34.9) == [])
        let due = talk.after(seconds: 0.1)
        guard case .expireSubscription(let subscription)? = due.first, due.count == 1 else {
            throw Unexpected("\(due)")
        }
        #expect(subscription.channel == "news")
    }

    @Test("an invalid token, another user or channel ends the connection")
    func invalid() throws {
        var talk = try subscribed()
        #expect(try verify(&talk, .invalid(TokenFault(.signature, "signature"))) == .disconnect(.invalidToken))
        #expect(try verify(&talk, outcome(talk, user: "bob", in: 9)) == .disconnect(.invalidToken))
        #expect(try verify(&talk, outcome(talk, channel: "other", in: 9)) == .disconnect(.invalidToken))
    }

    @Test("the end of a server-side subscription ends the connection")
    func serverSide() throws {
        var talk = Conversation { settings, _ in settings.pingInterval = 0 }
        try talk.connect(as: "ann")
        var options = SubscriptionOptions()
        options.expireAt = talk.clock.moment.wallSeconds + 10
        let order = try talk.ordered("news", options)
        _ = try talk.read(order)
        #expect(talk.session.nextDeadline(talk.context) == talk.clock.nowMs + 35_000)
        #expect(talk.after(seconds: 35) == [.disconnect(.subscriptionExpired)])
    }
}
