import PharosDomain
import PharosTestKit
import Testing

@Suite("publish, presence and history: who may")
struct LookingTests {
    private func conversation(_ configure: (inout ChannelOptions) -> Void) throws -> Conversation {
        var talk = Conversation { _, channel in configure(&channel.withoutNamespace) }
        try talk.connect(as: "ann")
        return talk
    }

    @Test("publishing: denied by default, allowed to all clients or to subscribers only")
    func publish() throws {
        var closed = try conversation { _ in }
        #expect(closed.received(.publish(id: 2, "news")) == refusal(2, .permissionDenied))
        var open = try conversation { $0.publish.forClient = true }
        let options = open.rules.settings.withoutNamespace
        #expect(
            open.received(.publish(id: 2, "news", "{\"a\":1}"))
                == .publish(command: 2, channel: "news", data: Array("{\"a\":1}".utf8), options: options))
        var subscribers = try conversation { $0.publish.forSubscriber = true }
        #expect(subscribers.received(.publish(id: 2, "news")) == refusal(2, .permissionDenied))
        let order = try subscribers.order(subscribers.received(.subscribe(id: 3, "news")))
        #expect(subscribers.received(.publish(id: 4, "news")) == .wait)
        _ = try subscribers.read(order)
        guard case .publish = subscribers.received(.publish(id: 5, "news")) else { throw Unexpected("refused") }
    }

    @Test("an anonymous client needs the permission for anonymous clients as well")
    func anonymous() throws {
        var talk = Conversation { _, channel in channel.withoutNamespace.publish.forClient = true }
        try talk.connect()
        #expect(talk.received(.publish(id: 2, "news")) == refusal(2, .permissionDenied))
        var allowed = Conversation { _, channel in
            channel.withoutNamespace.publish.forClient = true
            channel.withoutNamespace.publish.forAnonymous = true
        }
        try allowed.connect()
        guard case .publish = allowed.received(.publish(id: 2, "news")) else { throw Unexpected("refused") }
    }

    @Test("no data 107; a map publish 108; an unknown namespace 102")
    func malformedPublish() throws {
        var talk = try conversation { $0.publish.forClient = true }
        #expect(talk.received(.publish(id: 2, "news", "")) == refusal(2, .badRequest))
        var map = PublishRequest()
        map.channel = "news"
        map.data = [1]
        map.unsupported = .otherType
        #expect(talk.received(Command(id: 3, request: .publish(map))) == refusal(3, .notAvailable))
        #expect(talk.received(.publish(id: 4, "no:where")) == refusal(4, .unknownChannel))
    }

    @Test("what is switched off is 108 for every client")
    func switchedOff() throws {
        var closed = try conversation { _ in }
        #expect(closed.received(.presence(id: 2, "news")) == refusal(2, .notAvailable))
        #expect(closed.received(.presenceStats(id: 3, "news")) == refusal(3, .notAvailable))
        #expect(closed.received(.history(id: 4, "news")) == refusal(4, .notAvailable))
        // But what is not there at all is 102 before that.
        #expect(closed.received(.presence(id: 5, "no:where")) == refusal(5, .unknownChannel))
    }

    @Test("presence: without permission 103, switched off 108")
    func presence() throws {
        var closed = try conversation { $0.presence = true }
        #expect(closed.received(.presence(id: 2, "news")) == refusal(2, .permissionDenied))
        var off = try conversation { $0.presenceAccess.forClient = true }
        #expect(off.received(.presence(id: 2, "news")) == refusal(2, .notAvailable))
        #expect(off.received(.presenceStats(id: 3, "news")) == refusal(3, .notAvailable))
        var open = try conversation {
            $0.presence = true
            $0.presenceAccess.forClient = true
        }
        #expect(open.received(.presence(id: 2, "news")) == .readPresence(command: 2, channel: "news"))
        #expect(open.received(.presenceStats(id: 3, "news")) == .readPresenceStats(command: 3, channel: "news"))
    }

    @Test("history: without permission 103, without history 108, and never more than the limit")
    func history() throws {
        var off = try conversation { $0.historyAccess.forClient = true }
        #expect(off.received(.history(id: 2, "news")) == refusal(2, .notAvailable))
        var closed = try conversation {
            $0.historySize = 10
            $0.historyTTL = 60
        }
        #expect(closed.received(.history(id: 2, "news")) == refusal(2, .permissionDenied))
        var open = try conversation {
            $0.historySize = 10
            $0.historyTTL = 60
            $0.historyAccess.forClient = true
        }
        for (asked, granted) in [
            (Int32(-1), Int32(300)), (0, 0), (7, 7), (300, 300), (301, 300), (.max, 300), (.min, 300),
        ] {
            guard case .readHistory(2, let request, _) = open.received(.history(id: 2, "news", limit: asked)) else {
                throw Unexpected("refused")
            }
            #expect(request.limit == granted)
        }
    }
}
