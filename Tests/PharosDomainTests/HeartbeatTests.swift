import PharosDomain
import PharosTestKit
import Testing

@Suite("ping and pong")
struct HeartbeatTests {
    @Test("the first ping comes in the second half of the interval, then every interval")
    func pings() throws {
        var talk = Conversation()
        try talk.connect()
        #expect(talk.session.nextDeadline(talk.context) == talk.clock.nowMs + 18_750)
        #expect(talk.after(seconds: 18.7) == [])
        #expect(talk.after(seconds: 0.05) == [.sendPing])
        #expect(talk.received(.pong) == .none)
        #expect(talk.after(seconds: 24.9) == [])
        #expect(talk.after(seconds: 0.1) == [.sendPing])
    }

    @Test("no pong within the timeout ends the connection")
    func missingPong() throws {
        var talk = Conversation()
        try talk.connect()
        #expect(talk.after(seconds: 20) == [.sendPing])
        #expect(talk.session.nextDeadline(talk.context) == talk.clock.nowMs + 8_000)
        #expect(talk.after(seconds: 7.9) == [])
        #expect(talk.after(seconds: 0.1) == [.disconnect(.noPong)])
    }

    @Test("a pong without a ping, and two pongs for one ping, end the connection")
    func tooManyPongs() throws {
        var talk = Conversation()
        try talk.connect()
        #expect(talk.received(.pong) == .disconnect(.badRequest))
        #expect(talk.after(seconds: 20) == [.sendPing])
        #expect(talk.received(.pong) == .none)
        #expect(talk.received(.pong) == .disconnect(.badRequest))
    }

    @Test("a native pong answers a native ping, and more of them are harmless")
    func framePongs() throws {
        var talk = Conversation(usesFramePings: true)
        try talk.connect()
        talk.session.framePongReceived()
        #expect(talk.after(seconds: 20) == [.sendPing])
        talk.session.framePongReceived()
        #expect(talk.after(seconds: 8) == [])
        #expect(talk.after(seconds: 25) == [.sendPing])
        #expect(talk.after(seconds: 8) == [.disconnect(.noPong)])
    }

    @Test("without an interval there are no pings and no deadline")
    func withoutPings() throws {
        var talk = Conversation { settings, _ in settings.pingInterval = 0 }
        let result = try talk.connect()
        #expect(result.ping == 0)
        #expect(result.pong == false)
        #expect(talk.session.nextDeadline(talk.context) == .max)
        #expect(talk.after(seconds: 1_000_000) == [])
    }

    @Test("several timers at once: the subscription's end and the ping")
    func together() throws {
        var talk = Conversation { settings, _ in settings.expiredSubCloseDelay = 0 }
        try talk.connect(as: "ann")
        _ = talk.received(.subscribe(id: 2, "news", token: "token"))
        var claims = SubscriptionClaims()
        claims.user = "ann"
        claims.channel = "news"
        claims.expireAt = talk.clock.moment.wallSeconds + 19
        let order = try talk.order(talk.session.subscriptionVerified(generation: 1, .valid(claims), talk.context))
        _ = try talk.read(order)
        let due = talk.after(seconds: 19)
        #expect(due.count == 2)
        #expect(due.last == .sendPing)
    }
}
