import PharosDomain
import PharosTestKit
import Testing

/// Each stage of a subscription against each event that belongs to another stage.
@Suite("the stages of a subscription")
struct SubscriptionStageTests {
    enum Stage: CaseIterable { case verifying, asking, attaching, ready, live }

    private static let read = StreamRead(top: StreamPosition(offset: 3, epoch: "e"))

    private func claims(expireAt: Int64 = 0) -> TokenOutcome<SubscriptionClaims> {
        var claims = SubscriptionClaims()
        claims.channel = "news"
        claims.user = "ann"
        claims.expireAt = expireAt
        return .valid(claims)
    }

    /// A conversation whose subscribe of "news" has come as far as `stage`.
    ///
    /// - Parameter question: the number of its question, where the application was asked.
    private func talk(_ stage: Stage, question: inout UInt32) throws -> Conversation {
        var talk = Conversation { _, channel in
            channel.withoutNamespace.historySize = 10
            channel.withoutNamespace.historyTTL = 60
            channel.withoutNamespace.forcePositioning = true
            if stage == .asking { channel.withoutNamespace.subscribeHook = "app" }
        }
        try talk.connect(as: "ann")
        switch stage {
        case .verifying: _ = talk.received(.subscribe(id: 2, "news", token: "token"))
        case .asking:
            guard case .ask(let ticket) = talk.received(.subscribe(id: 2, "news")) else {
                throw Unexpected("not asked")
            }
            question = ticket.number
        case .attaching: _ = try talk.order(talk.received(.subscribe(id: 2, "news")))
        case .ready:
            let order = try talk.order(talk.received(.subscribe(id: 2, "news")))
            #expect(talk.attached(order, Self.read) == .ready([order]))
        case .live: _ = try talk.subscribe("news", top: Self.read.top)
        }
        return talk
    }

    @Test("an answer acts in its own stage and in no other", arguments: Stage.allCases)
    func answersOfOtherStages(_ stage: Stage) throws {
        var number: UInt32 = 0
        if stage != .verifying {
            var talk = try talk(stage, question: &number)
            #expect(talk.session.subscriptionVerified(generation: 1, claims(), talk.context) == .none)
            #expect(talk.session.subscriptionVerified(generation: 1, .expired, talk.context) == .none)
            #expect(talk.session.holds("news") == true)
        }
        if stage != .asking {
            var talk = try talk(stage, question: &number)
            #expect(talk.session.hookAnswered(2, .refused(.permissionDenied), talk.context) == .none)
            #expect(talk.session.holds("news") == true)
        }
        if stage != .attaching {
            var talk = try talk(stage, question: &number)
            #expect(talk.session.attached(generation: 1, .success(Self.read), talk.context) == .late)
            #expect(talk.session.attached(generation: 1, .failure(.internalError), talk.context) == .late)
            #expect(talk.session.holds("news") == true)
        }
        if stage != .ready {
            var talk = try talk(stage, question: &number)
            let live = talk.session.wentLive(generation: 1, binding: 5, talk.context)
            #expect(live == nil)
            #expect((talk.session.subscription(of: "news")?.binding == 77) == (stage == .live))
        }
        if stage != .live {
            var talk = try talk(stage, question: &number)
            talk.session.bind(generation: 1, to: 5)
            #expect(talk.session.subscription(of: "news") == nil)
        }
    }

    @Test(
        "an answer for a subscription that was taken out does nothing, and its channel is free",
        arguments: Stage.allCases)
    func released(_ stage: Stage) throws {
        var number: UInt32 = 0
        var talk = try talk(stage, question: &number)
        let ended = talk.session.removeSubscription(of: "news")
        #expect(ended?.channel == "news")
        #expect(ended?.generation == 1)
        switch (stage, ended) {
        case (.verifying, .reserved?), (.asking, .reserved?), (.attaching, .ordered?), (.ready, .ordered?),
            (.live, .live?):
            break
        default: Issue.record("\(stage) ended as \(String(describing: ended))")
        }
        #expect(talk.session.removeSubscription(of: "news") == nil)
        #expect(talk.session.subscriptionVerified(generation: 1, claims(), talk.context) == .none)
        let grant = HookOutcome.granted(.subscribe(SubscriptionOptions()))
        #expect(talk.session.hookAnswered(number, grant, talk.context) == .none)
        #expect(talk.session.attached(generation: 1, .success(nil), talk.context) == .late)
        let live = talk.session.wentLive(generation: 1, binding: 5, talk.context)
        #expect(live == nil)
        #expect(talk.session.channelCount == 0)
        #expect(talk.session.mustWait(.publish(id: 3, "news")) == false)
    }

    @Test("the end of the connection takes a subscription out at every stage", arguments: Stage.allCases)
    func closed(_ stage: Stage) throws {
        var number: UInt32 = 0
        var talk = try talk(stage, question: &number)
        let ended = talk.session.close()
        switch (stage, ended.first) {
        case (.verifying, .reserved?), (.asking, .reserved?), (.attaching, .ordered?), (.ready, .ordered?),
            (.live, .live?):
            break
        default: Issue.record("\(stage) ended as \(ended)")
        }
        #expect(ended.count == 1)
        #expect(talk.session.channelCount == 0)
        #expect(talk.session.subscriptionVerified(generation: 1, claims(), talk.context) == .none)
        #expect(
            talk.session.hookAnswered(number, .granted(.subscribe(SubscriptionOptions())), talk.context) == .none)
        #expect(talk.session.attached(generation: 1, .success(nil), talk.context) == .late)
        #expect(talk.received(.subscribe(id: 3, "news")) == .none)
    }

    @Test("while a subscribe is under way its channel is taken, and counts", arguments: Stage.allCases)
    func taken(_ stage: Stage) throws {
        var number: UInt32 = 0
        var talk = try talk(stage, question: &number)
        #expect(talk.session.channels == ["news"])
        #expect(talk.session.channelCount == 1)
        #expect(talk.session.pendingCommand(of: "news") == (stage == .live ? nil : 2))
        let again = talk.received(.subscribe(id: 3, "news"))
        #expect(again == (stage == .verifying ? .wait : refusal(3, .alreadySubscribed)))
        let byServer = try talk.session.subscribedByServer("news", SubscriptionOptions(), from: nil, talk.context)
        #expect(byServer == nil)
        let isPositioned = [Stage.attaching, .ready, .live].contains(stage)
        #expect(talk.session.positionedChannels == (isPositioned ? ["news"] : []))
    }

    @Test("a command that must wait changes nothing, and is carried out when it comes again", arguments: Stage.allCases)
    func waiting(_ stage: Stage) throws {
        var number: UInt32 = 0
        var talk = try talk(stage, question: &number)
        let commands: [(Command, mayGoOn: [Stage])] = [
            (.publish(id: 3, "news"), [.live]), (.presence(id: 3, "news"), [.live]),
            (.history(id: 3, "news"), [.live]), (.subRefresh(id: 3, "news", token: "t"), [.live]),
            (.presence(id: 3, "other"), [.asking, .attaching, .ready, .live]),
            (.refresh(id: 3, token: "t"), [.asking, .attaching, .ready, .live]),
        ]
        for (command, mayGoOn) in commands {
            let mustWait = talk.session.mustWait(command)
            #expect(mustWait == !mayGoOn.contains(stage))
            #expect((talk.received(command) == .wait) == mustWait)
            #expect(talk.session.channels == ["news"])
        }
        let mustWait = talk.session.mustWait(.unsubscribe(id: 4, "news"))
        #expect(mustWait == ![.asking, .live].contains(stage))
        #expect((talk.received(.unsubscribe(id: 4, "news")) == .wait) == mustWait)
        #expect(talk.session.channelCount == (mustWait ? 1 : 0))
    }

    // MARK: Reading

    @Test("a stream that cannot be read refuses the client's subscribe, and frees the channel")
    func unreadable() throws {
        var number: UInt32 = 0
        var talk = try talk(.attaching, question: &number)
        let completion = talk.session.attached(generation: 1, .failure(.internalError), talk.context)
        guard case .refused(.ordered(let order), let reply) = completion else { throw Unexpected("\(completion)") }
        #expect(order.channel == "news")
        #expect(reply == Reply(id: 2, result: .error(.internalError)))
        #expect(talk.session.channelCount == 0)
        _ = try talk.order(talk.received(.subscribe(id: 3, "news")))
    }

    @Test("a stream that cannot be read for the server's wish ends the connection, and is undone with it")
    func unreadableByServer() throws {
        var talk = Conversation()
        try talk.connect(as: "ann")
        let order = try talk.ordered("news")
        #expect(
            talk.session.attached(generation: 1, .failure(.internalError), talk.context) == .disconnect(.serverError))
        #expect(talk.session.close() == [.ordered(order)])
    }

    @Test("the buffer keeps as much as it may, and nothing is proved beyond it", arguments: [0, 1])
    func overflow(_ excess: Int) throws {
        var number: UInt32 = 0
        var talk = try talk(.attaching, question: &number)
        for offset in 1...UInt64(ClientSession.recoveryBufferLimit + excess) {
            talk.session.publicationArrived(Publication(data: [], offset: offset), generation: 1)
        }
        let top = StreamRead(top: StreamPosition(offset: 0, epoch: "e"))
        let completion = talk.session.attached(generation: 1, .success(top), talk.context)
        guard excess == 0 else { return #expect(completion == .disconnect(.insufficientState)) }
        guard case .ready(let orders) = completion else { throw Unexpected("\(completion)") }
        #expect(try talk.bound(orders[0]).position?.offset == UInt64(ClientSession.recoveryBufferLimit))
    }

    @Test("publications are kept only while a stream is read")
    func keptPublications() throws {
        var number: UInt32 = 0
        for stage in [Stage.verifying, .asking, .live] {
            var talk = try talk(stage, question: &number)
            talk.session.publicationArrived(Publication(data: [], offset: 9), generation: 1)
            #expect(talk.session.channels == ["news"])
        }
        var talk = try talk(.verifying, question: &number)
        talk.session.publicationArrived(Publication(data: [], offset: 9), generation: 1)
        let order = try talk.order(talk.session.subscriptionVerified(generation: 1, claims(), talk.context))
        // The one before the order is not among them: it would be a gap.
        talk.session.publicationArrived(Publication(data: [], offset: 4), generation: 1)
        #expect(try talk.read(order, Self.read).position?.offset == 4)
    }

    @Test("subscriptions stand in the order in which they were reserved, whichever is live first")
    func order() throws {
        var talk = Conversation()
        try talk.connect()
        let first = try talk.order(talk.received(.subscribe(id: 2, "b")))
        let second = try talk.order(talk.received(.subscribe(id: 3, "a")))
        _ = try talk.read(second)
        #expect(talk.session.channels == ["b", "a"])
        #expect(talk.session.subscriptions.map(\.channel) == ["a"])
        _ = try talk.read(first)
        #expect(talk.session.subscriptions.map(\.channel) == ["b", "a"])
        _ = try talk.order(talk.received(.subscribe(id: 4, "c")))
        #expect(talk.session.close().map(\.channel) == ["b", "a", "c"])
    }

    @Test("what a publication says of its sender comes from the subscription, once the service has its order")
    func channelInfo() throws {
        var talk = Conversation()
        try talk.connect(as: "ann")
        _ = talk.received(.subscribe(id: 2, "news", token: "token"))
        #expect(talk.session.channelInfo(of: "news") == [])
        var claims = SubscriptionClaims()
        (claims.channel, claims.user, claims.options.info) = ("news", "ann", [1])
        let order = try talk.order(talk.session.subscriptionVerified(generation: 1, .valid(claims), talk.context))
        #expect(talk.session.channelInfo(of: "news") == [1])
        _ = try talk.read(order)
        #expect(talk.session.channelInfo(of: "news") == [1])
        #expect(talk.session.channelInfo(of: "sport") == [])
    }
}
