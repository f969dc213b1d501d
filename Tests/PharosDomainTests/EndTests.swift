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
        #expect(talk.session.close().map(\.binding) == [.max])

        // Ordered, not yet begun.
        talk = Conversation()
        try talk.connect()
        let ordered = try talk.order(talk.received(.subscribe(id: 2, "news")))
        #expect(talk.session.close().map(\.binding) == [.max])
        #expect(talk.read(ordered) == .late)

        // Begun: presence and hub entries exist, so their flags and information are needed to undo them.
        talk = Conversation { _, channel in channel.withoutNamespace.presence = true }
        try talk.connect()
        let begun = try talk.order(talk.received(.subscribe(id: 2, "news")))
        talk.session.began(begun, binding: 5)
        let undone = talk.session.close()
        #expect(undone.map(\.binding) == [5])
        #expect(undone.map(\.flags) == [[.keepsPresence]])
        #expect(talk.read(begun) == .late)

        // Live.
        talk = Conversation()
        try talk.connect()
        try talk.subscribe("news")
        talk.session.bind(generation: 1, to: 9)
        #expect(talk.session.close().map(\.binding) == [9])
        #expect(talk.session.close() == [])
    }

    @Test("closing while server-side subscriptions are under way returns them all")
    func closeWhileConnecting() throws {
        var talk = Conversation()
        _ = talk.received(.connect(token: "token"))
        guard case .connected(let orders) = talk.verified(user: "ann", { $0.channels = ["a", "b"] }) else {
            throw Unexpected("not connected")
        }
        for order in orders { talk.session.began(order, binding: 3) }
        _ = talk.read(orders[0])
        #expect(talk.session.close().map(\.channel) == ["a", "b"])
        #expect(talk.read(orders[1]) == .late)
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
        let completion = talk.read(order, StreamRead(top: StreamPosition(offset: 7, epoch: "e")))
        guard case .live(let subscription, .pushes(let pushes), position: 7) = completion else {
            throw Unexpected("\(completion)")
        }
        #expect(subscription.flags.contains(.isServerSide))
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
        #expect(talk.read(order) == .late)
    }
}
