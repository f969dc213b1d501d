import PharosDomain
import PharosTestKit
import Testing

@Suite("subscribe: who may, and which error")
struct SubscribeTests {
    @Test("a subscribe becomes an order, the read becomes the reply")
    func plain() throws {
        var talk = Conversation()
        try talk.connect()
        let order = try talk.order(talk.received(.subscribe(id: 2, "news")))
        #expect(order.purpose == .command(2))
        #expect(order.channel == "news")
        #expect(order.recoverFrom == nil)
        let live = try talk.read(order)
        #expect(live.position == nil)
        #expect(live.subscription.flags == [])
        #expect(live.answer == .reply(Reply(id: 2, result: .subscribe(SubscribeResult()))))
        #expect(talk.session.subscriptions == [live.subscription])
    }

    @Test("a name of 255 bytes is allowed, a longer one is not")
    func longName() throws {
        var talk = Conversation()
        try talk.connect()
        #expect(
            talk.received(.subscribe(id: 2, ChannelName(String(repeating: "ä", count: 128)))) == refusal(2, .badRequest)
        )
        _ = try talk.order(talk.received(.subscribe(id: 3, ChannelName(String(repeating: "n", count: 255)))))
    }

    @Test("subscribed, or a subscribe in flight: 105")
    func twice() throws {
        var talk = Conversation()
        try talk.connect()
        let order = try talk.order(talk.received(.subscribe(id: 2, "news")))
        #expect(talk.received(.subscribe(id: 3, "news")) == refusal(3, .alreadySubscribed))
        _ = try talk.read(order)
        #expect(talk.received(.subscribe(id: 4, "news")) == refusal(4, .alreadySubscribed))
    }

    @Test("the channel limit counts reservations; leaving makes room")
    func limit() throws {
        var talk = Conversation { settings, _ in settings.channelLimit = 2 }
        try talk.connect()
        try talk.subscribe(id: 2, "one")
        _ = talk.received(.subscribe(id: 3, "two"))
        #expect(talk.received(.subscribe(id: 4, "three")) == refusal(4, .limitExceeded))
        _ = talk.received(.unsubscribe(id: 5, "one"))
        _ = try talk.order(talk.received(.subscribe(id: 6, "three")))
    }

    @Test("what is declined: an unknown delta ends the connection, a known one is ignored; filter 107; type 103")
    func declined() throws {
        var talk = Conversation()
        try talk.connect()
        #expect(talk.received(.subscribe(id: 2, "a") { $0.delta = "vcdiff" }) == .disconnect(.badRequest))
        #expect(talk.received(.subscribe(id: 3, "a") { $0.unsupported = .tagsFilter }) == refusal(3, .badRequest))
        #expect(talk.received(.subscribe(id: 4, "a") { $0.unsupported = .otherType }) == refusal(4, .permissionDenied))
        _ = try talk.order(talk.received(.subscribe(id: 5, "a") { $0.delta = "fossil" }))
        // Both: the filter is what is said.
        let both: UnsupportedWishes = [.tagsFilter, .otherType]
        #expect(talk.received(.subscribe(id: 6, "b") { $0.unsupported = both }) == refusal(6, .badRequest))
    }

    @Test("an unknown namespace is 102; a name that does not match the pattern is 107")
    func names() throws {
        var talk = Conversation { _, channel in
            var options = ChannelOptions()
            options.channelRegex = "[a-z]+"
            options.allowSubscribeForClient = true
            options.allowSubscribeForAnonymous = true
            channel.namespaces = [ChannelNamespace(name: "chat", options: options)]
        }
        try talk.connect()
        #expect(talk.received(.subscribe(id: 2, "where:room")) == refusal(2, .unknownChannel))
        #expect(talk.received(.subscribe(id: 3, "chat:ROOM")) == refusal(3, .badRequest))
        _ = try talk.order(talk.received(.subscribe(id: 4, "chat:room")))
    }

    @Test("a private channel demands a token")
    func privateChannel() throws {
        var talk = Conversation()
        try talk.connect(as: "ann")
        #expect(talk.received(.subscribe(id: 2, "$secret")) == refusal(2, .permissionDenied))
        #expect(
            talk.received(.subscribe(id: 3, "$secret", token: "token"))
                == .verifySubscription(generation: 1, token: "token"))
    }

    @Test("without permission 103: deny by default, and anonymous clients need their own permission")
    func permissions() throws {
        var closed = Conversation { _, channel in channel.withoutNamespace = ChannelOptions() }
        try closed.connect(as: "ann")
        #expect(closed.received(.subscribe(id: 2, "news")) == refusal(2, .permissionDenied))
        var named = Conversation { _, channel in channel.withoutNamespace.allowSubscribeForAnonymous = false }
        try named.connect()
        #expect(named.received(.subscribe(id: 2, "news")) == refusal(2, .permissionDenied))
        var insecure = Conversation { settings, channel in
            channel.withoutNamespace = ChannelOptions()
            settings.insecure = true
        }
        try insecure.connect()
        _ = try insecure.order(insecure.received(.subscribe(id: 2, "news")))
    }

    @Test("a user-limited channel admits its users and no others")
    func userLimited() throws {
        func conversation(_ user: UserID) throws -> Conversation {
            var talk = Conversation { _, channel in channel.withoutNamespace.allowUserLimitedChannels = true }
            try talk.connect(as: user)
            return talk
        }
        var ann = try conversation("42")
        _ = try ann.order(ann.received(.subscribe(id: 2, "room#42,43")))
        var bob = try conversation("4")
        #expect(bob.received(.subscribe(id: 2, "room#42,43")) == refusal(2, .permissionDenied))
        var nobody = try conversation("")
        #expect(nobody.received(.subscribe(id: 2, "room#")) == refusal(2, .permissionDenied))
    }

    @Test("wishes are granted with permission and silently left out without; forced options need no wish")
    func wishes() throws {
        func flags(
            _ configure: (inout ChannelOptions) -> Void, _ wish: (inout SubscribeRequest) -> Void = { _ in }
        ) throws -> Subscription.Flags {
            var talk = Conversation { _, channel in
                channel.withoutNamespace.historySize = 10
                channel.withoutNamespace.historyTTL = 60
                configure(&channel.withoutNamespace)
            }
            try talk.connect(as: "ann")
            return try talk.order(talk.received(.subscribe(id: 2, "news", wish))).flags
        }
        #expect(try flags({ _ in }, { $0.recoverable = true }) == [])
        #expect(try flags({ $0.allowRecovery = true }) == [])
        #expect(try flags({ $0.allowRecovery = true }, { $0.recoverable = true }) == [.isRecoverable, .isPositioned])
        #expect(try flags({ $0.forceRecovery = true }) == [.isRecoverable, .isPositioned])
        #expect(try flags({ $0.allowPositioning = true }, { $0.positioned = true }) == [.isPositioned])
        #expect(try flags({ $0.forcePositioning = true }) == [.isPositioned])
        #expect(
            try flags({ $0.historyAccess.forSubscriber = true }, { $0.recoverable = true })
                == [.isRecoverable, .isPositioned])
        #expect(try flags({ $0.joinLeave = true }, { $0.joinLeave = true }) == [.emitsJoinLeave])
        #expect(
            try flags(
                {
                    $0.joinLeave = true
                    $0.presenceAccess.forClient = true
                }, { $0.joinLeave = true }) == [.emitsJoinLeave, .receivesJoinLeave])
        #expect(
            try flags {
                $0.joinLeave = true
                $0.forcePushJoinLeave = true
            } == [.emitsJoinLeave, .receivesJoinLeave])
        #expect(try flags { $0.presence = true } == [.keepsPresence])
        #expect(try flags { $0.forcePushJoinLeave = true } == [])
    }

    @Test("without history nothing is positioned, whatever is forced")
    func withoutHistory() throws {
        var talk = Conversation { _, channel in channel.withoutNamespace.forceRecovery = true }
        try talk.connect()
        #expect(try talk.order(talk.received(.subscribe(id: 2, "news") { $0.recover = true })).flags == [])
    }

    @Test("the unsubscribe command always answers, and undoes what there was")
    func unsubscribe() throws {
        var talk = Conversation()
        try talk.connect()
        try talk.subscribe("news")
        guard case .unsubscribe(.live(let subscription), let reply) = talk.received(.unsubscribe(id: 3, "news")) else {
            throw Unexpected("nothing to undo")
        }
        #expect(subscription.channel == "news")
        #expect(subscription.binding == 77)
        #expect(reply == Reply(id: 3, result: .unsubscribe))
        #expect(talk.received(.unsubscribe(id: 4, "news")) == .reply(Reply(id: 4, result: .unsubscribe)))
    }
}
