import PharosDomain
import PharosTestKit
import Testing

@Suite("subscription tokens and late answers")
struct SubscriptionTokenTests {
    private func claims(
        _ channel: ChannelName, user: UserID = "ann", _ configure: (inout SubscriptionClaims) -> Void = { _ in }
    ) -> TokenOutcome<SubscriptionClaims> {
        var claims = SubscriptionClaims()
        claims.channel = channel
        claims.user = user
        configure(&claims)
        return .valid(claims)
    }

    private func waiting() throws -> Conversation {
        var talk = Conversation { _, channel in channel.withoutNamespace = ChannelOptions() }
        try talk.connect(as: "ann")
        #expect(
            talk.received(.subscribe(id: 2, "news", token: "token"))
                == .verifySubscription(generation: 1, token: "token"))
        #expect(talk.session.mustWait(.pong) == true)
        return talk
    }

    @Test("a good token lets the client in and brings its options")
    func good() throws {
        var talk = try waiting()
        let end = talk.clock.moment.wallSeconds + 60
        let action = talk.session.subscriptionVerified(
            generation: 1,
            claims("news") {
                $0.client = Conversation.client.name
                $0.expireAt = end
                $0.options.info = [1]
                $0.options.data = [2]
                $0.options.override.presence = true
            }, talk.context)
        let order = try talk.order(action)
        #expect(order.flags == [.keepsPresence])
        #expect(order.info == [1])
        let result = try talk.result(talk.read(order))
        #expect(result.expires)
        #expect(result.ttl == 60)
        #expect(result.data == [2])
        #expect(talk.session.mustWait(.pong) == false)
    }

    @Test("expired 109; bad signature 103; no keys a temporary error; each frees the reservation")
    func refused() throws {
        let outcomes: [(TokenOutcome<SubscriptionClaims>, ReplyError)] = [
            (.expired, .tokenExpired), (.invalid(TokenFault(.signature, "signature")), .permissionDenied),
            (.needsKeys, .internalError),
        ]
        for (outcome, error) in outcomes {
            var talk = try waiting()
            #expect(talk.session.subscriptionVerified(generation: 1, outcome, talk.context) == refusal(2, error))
            #expect(talk.session.subscriptions == [])
            #expect(talk.session.mustWait(.pong) == false)
        }
    }

    @Test("a token for another channel, user or client ends the connection")
    func mismatch() throws {
        for outcome in [claims("other"), claims("news", user: "bob"), claims("news") { $0.client = "other" }] {
            var talk = try waiting()
            let action = talk.session.subscriptionVerified(generation: 1, outcome, talk.context)
            #expect(action == .disconnect(.invalidToken))
        }
    }

    @Test("an answer about the token of an earlier subscription never touches the newer one")
    func lateToken() throws {
        var talk = try waiting()
        // The client's own unsubscribe has to wait; the server's does not.
        #expect(talk.received(.unsubscribe(id: 3, "news")) == .wait)
        #expect(talk.session.removeSubscription(of: "news") == .reserved("news", generation: 1))
        #expect(
            talk.received(.subscribe(id: 4, "news", token: "newer"))
                == .verifySubscription(generation: 2, token: "newer"))
        #expect(talk.session.subscriptionVerified(generation: 1, claims("news"), talk.context) == .none)
        #expect(talk.session.subscriptionVerified(generation: 1, .expired, talk.context) == .none)
        let order = try talk.order(talk.session.subscriptionVerified(generation: 2, claims("news"), talk.context))
        #expect(order.purpose == .command(4))
    }

    @Test("a stream read for an earlier subscription is late")
    func lateRead() throws {
        var talk = Conversation()
        try talk.connect()
        let earlier = try talk.order(talk.received(.subscribe(id: 2, "news")))
        #expect(talk.session.removeSubscription(of: "news") == .ordered(earlier))
        let newer = try talk.order(talk.received(.subscribe(id: 4, "news")))
        #expect(talk.attached(earlier) == .late)
        talk.session.publicationArrived(Publication(data: []), generation: earlier.generation)
        #expect(try talk.result(talk.read(newer)) == SubscribeResult())
        #expect(talk.attached(newer) == .late)
    }

    @Test("an answer about a sub-refresh token of an earlier subscription never touches the newer one")
    func lateSubRefresh() throws {
        var talk = Conversation()
        try talk.connect(as: "ann")
        try talk.subscribe("news")
        guard
            case .verifySubRefresh(let command, let channel, let generation, "token") = talk.received(
                .subRefresh(id: 3, "news", token: "token"))
        else { throw Unexpected("no token to verify") }
        _ = talk.received(.unsubscribe(id: 4, "news"))
        try talk.subscribe(id: 5, "news")
        let end = talk.clock.moment.wallSeconds + 10
        let action = talk.session.subRefreshVerified(
            command, channel: channel, generation: generation, claims("news") { $0.expireAt = end }, talk.context)
        #expect(action == refusal(3, .permissionDenied))
        #expect(talk.session.subscription(of: "news")?.expireAt == 0)
    }

    @Test("commands about a channel wait until its subscribe has been answered, others do not")
    func commandsWait() throws {
        var talk = Conversation()
        try talk.connect()
        let order = try talk.order(talk.received(.subscribe(id: 2, "news")))
        #expect(talk.session.mustWait(.publish(id: 3, "news")) == true)
        #expect(talk.session.mustWait(.unsubscribe(id: 3, "news")) == true)
        #expect(talk.session.mustWait(.subscribe(id: 3, "news")) == false)
        #expect(talk.session.mustWait(.publish(id: 3, "sport")) == false)
        #expect(talk.session.mustWait(.pong) == false)
        _ = try talk.read(order)
        #expect(talk.session.mustWait(.publish(id: 3, "news")) == false)
    }
}
