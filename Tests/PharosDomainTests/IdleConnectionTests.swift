import PharosTestKit
import Testing

@testable import PharosDomain

/// GO-9: middleboxes forget connections on which nothing is sent for 30 s.
struct IdleConnectionTests {
    @Test("GO-9: ten idle minutes pass without 30 s of silence, and the connection stays")
    func staysConnected() {
        var settings = ClientSettings()
        settings.insecure = true
        let rules = ChannelRules(ChannelSettings())
        var now = Moment(monotonicMs: 5_000, wallMs: 1_800_000_000_000)
        func context() -> SessionContext { SessionContext(settings: settings, rules: rules, now: now, version: "test") }
        var session = ClientSession(client: ClientID(high: 1, low: 2), settings: settings, firstPing: 0.99, now: now)
        #expect(session.received(Command(id: 1, request: .connect(ConnectRequest())), context()) == .connected)
        #expect(session.connectReply(context()) != nil)
        var lastSentMs = now.monotonicMs
        var pings = 0
        while now.monotonicMs < 605_000 {
            let next = session.nextDeadline(context())
            let step = max(next - now.monotonicMs, 1)
            now.monotonicMs += step
            now.wallMs += step
            for action in session.timerFired(context()) {
                #expect(action == .sendPing)
                #expect(now.monotonicMs - lastSentMs < 30_000)
                lastSentMs = now.monotonicMs
                pings += 1
                // The client answers at once, as every SDK does.
                #expect(session.received(Command(id: 0, request: nil), context()) == .none)
            }
        }
        #expect(pings >= 24)
        #expect(session.state.name == "connected")
    }

    @Test("what was under way leaves no memory behind when it is done")
    func holdsNothing() throws {
        var talk = Conversation()
        try talk.connect()
        for id in UInt32(2)..<6 {
            let order = try talk.order(talk.received(.subscribe(id: id, "news\(id)")))
            #expect(talk.session.pending.capacity > 0)
            _ = try talk.read(order)
        }
        #expect(talk.session.pending.capacity == 0)
        #expect(talk.session.questions.capacity == 0)
        #expect(MemoryLayout<ClientSession>.stride <= 136, "there are ten thousand of them on a small machine")
        #expect(MemoryLayout<Subscription>.stride <= 48, "and each has one to three of these")
    }
}
