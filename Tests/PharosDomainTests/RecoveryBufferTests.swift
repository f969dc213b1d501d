import PharosDomain
import Testing

/// The buffer of publications that arrive while a stream is read is bounded.
struct RecoveryBufferTests {
    @Test("more live publications than the buffer holds end the connection with insufficient state, never with a gap")
    func overflow() throws {
        var settings = ClientSettings()
        settings.insecure = true
        var channels = ChannelSettings()
        channels.withoutNamespace.historySize = 10
        channels.withoutNamespace.historyTTL = 60
        channels.withoutNamespace.forceRecovery = true
        let now = Moment(monotonicMs: 5_000, wallMs: 1_800_000_000_000)
        let context = SessionContext(settings: settings, rules: ChannelRules(channels), now: now, version: "test")
        var session = ClientSession(client: ClientID(high: 1, low: 2), settings: settings, firstPing: 0, now: now)
        #expect(session.received(Command(id: 1, request: .connect(ConnectRequest())), context) == .connected)
        #expect(session.connectReply(context) != nil)
        let action = session.received(
            Command(id: 2, request: .subscribe(SubscribeRequest(channel: "news"))), context)
        guard case .subscribe(let order) = action else {
            Issue.record("not subscribed: \(action)")
            return
        }
        for offset in 1...UInt64(ClientSession.recoveryBufferLimit + 1) {
            session.publicationArrived(Publication(data: [], offset: offset), generation: order.generation)
        }
        let read = StreamRead(top: StreamPosition(offset: 0, epoch: "e"))
        let completion = session.attached(generation: order.generation, .success(read), context)
        #expect(completion == .disconnect(.insufficientState))
    }
}
