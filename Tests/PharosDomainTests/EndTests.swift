import PharosDomain
import PharosTestKit
import Testing

@Suite("the end of a connection, and the server's own wishes")
struct EndTests {
    @Test("closing returns what must be undone at every step of a subscribe")
    func closeAtEveryStep() throws {
        // Before anything.
        var talk = Conversation()
        #expect(talk.session.close() == [])

        // While the token is verified: only a reservation, which the service knows nothing of.
        talk = Conversation()
        try talk.connect(as: "ann")
        _ = talk.received(.subscribe(id: 2, "news", token: "token"))
        #expect(talk.session.close() == [.reserved("news", generation: 1)])

        // Ordered: presence and hub entries exist, so their flags and information are needed to undo them.
        talk = Conversation { _, channel in channel.withoutNamespace.presence = true }
        try talk.connect()
        let ordered = try talk.order(talk.received(.subscribe(id: 2, "news")))
        #expect(ordered.flags == [.keepsPresence])
        #expect(talk.session.close() == [.ordered(ordered)])
        #expect(talk.attached(ordered) == .late)

        // Ready to be bound, and not bound.
        talk = Conversation()
        try talk.connect()
        let ready = try talk.order(talk.received(.subscribe(id: 2, "news")))
        #expect(talk.attached(ready) == .ready([ready]))
        #expect(talk.session.close() == [.ordered(ready)])
        let bound = talk.session.wentLive(generation: ready.generation, binding: 1, talk.context)
        #expect(bound == nil)

        // Live.
        talk = Conversation()
        try talk.connect()
        try talk.subscribe("news")
        talk.session.bind(generation: 1, to: 9)
        guard case .live(let subscription)? = talk.session.close().first else { throw Unexpected("not live") }
        #expect(subscription.binding == 9)
        #expect(talk.session.close() == [])
    }

    @Test("closing while server-side subscriptions are under way returns them all")
    func closeWhileConnecting() throws {
        var talk = Conversation()
        _ = talk.received(.connect(token: "token"))
        #expect(talk.verified(user: "ann", { $0.channels = ["a", "b"] }) == .connected)
        let orders = talk.orders()
        #expect(talk.attached(orders[0]) == .waits)
        #expect(talk.session.close() == orders.map { .ordered($0) })
        #expect(talk.attached(orders[1]) == .late)
        #expect(talk.session.connectReply(talk.context) == nil)
    }

    @Test("the server subscribes a client once; the push says where the stream stands")
    func subscribedByServer() throws {
        var talk = Conversation { _, channel in
            channel.withoutNamespace.historySize = 10
            channel.withoutNamespace.historyTTL = 60
            channel.withoutNamespace.forceRecovery = true
        }
        try talk.connect(as: "ann")
        var options = SubscriptionOptions()
        options.data = [1]
        let order = try talk.ordered("news", options)
        #expect(order.purpose == .server)
        #expect(try talk.session.subscribedByServer("news", options, from: nil, talk.context) == nil)
        let live = try talk.read(order, StreamRead(top: StreamPosition(offset: 7, epoch: "e")))
        guard case .pushes(let pushes) = live.answer else { throw Unexpected("\(live)") }
        #expect(live.position == StreamPosition(offset: 7, epoch: "e"))
        #expect(live.subscription.flags.contains(.isServerSide))
        var said = ServerSubscription()
        said.recoverable = true
        said.positioned = true
        said.epoch = "e"
        said.offset = 7
        said.data = [1]
        #expect(pushes == [Push(channel: "news", event: .subscribe(said))])
    }

    @Test("a server-side subscription needs no permission, but a known namespace and room")
    func subscribedByServerLimits() throws {
        var talk = Conversation { settings, channel in
            settings.channelLimit = 1
            channel.withoutNamespace = ChannelOptions()
        }
        #expect(try talk.session.subscribedByServer("news", SubscriptionOptions(), from: nil, talk.context) == nil)
        try talk.connect(as: "ann")
        #expect(throws: ReplyError.unknownChannel) {
            try talk.session.subscribedByServer("no:where", SubscriptionOptions(), from: nil, talk.context)
        }
        _ = try talk.ordered("news")
        #expect(throws: ReplyError.limitExceeded) {
            try talk.session.subscribedByServer("more", SubscriptionOptions(), from: nil, talk.context)
        }
    }

    @Test("a subscription that the server ends before its read answers the subscribe that waits")
    func serverEndsReserved() throws {
        var talk = Conversation()
        try talk.connect()
        let order = try talk.order(talk.received(.subscribe(id: 2, "news")))
        #expect(talk.session.pendingCommand(of: "news") == 2)
        #expect(talk.session.removeSubscription(of: "news")?.channel == "news")
        #expect(talk.session.pendingCommand(of: "news") == nil)
        #expect(talk.attached(order) == .late)
    }
}
