import Testing

@testable import PharosRedis

@Suite("Wanted subscriptions")
struct RedisSubscriptionsTests {
    private func key(_ kind: RedisSubscriptionKind, _ channel: String) -> RedisSubscriptions.Key {
        RedisSubscriptions.Key(kind, Array(channel.utf8))
    }

    private func text(_ order: RedisSubscriptionOrder?) -> String? {
        order.map { order in
            order.command.arguments.map {
                switch $0 {
                case .bytes(let bytes): Escapes.text(bytes)
                case .text(let text): text
                case .integer(let number): "\(number)"
                }
            }.joined(separator: " ")
        }
    }

    private func change(
        _ key: RedisSubscriptions.Key, _ isSubscribed: Bool, isRequested: Bool = true
    ) -> RedisSubscriptionChange {
        RedisSubscriptionChange(
            kind: key.kind, channel: key.channel, isSubscribed: isSubscribed, isRequested: isRequested, count: 0)
    }

    @Test("each change has one order, and none if nothing changes")
    func changes() {
        var wanted = RedisSubscriptions()
        #expect(text(wanted.want(key(.channel, "a"))) == "SUBSCRIBE a")
        #expect(wanted.want(key(.channel, "a")) == nil)
        #expect(text(wanted.want(key(.pattern, "a"))) == "PSUBSCRIBE a")
        #expect(text(wanted.want(key(.shard, "a"))) == "SSUBSCRIBE a")
        #expect(wanted.count == 3)
        #expect(text(wanted.drop(key(.shard, "a"))) == "SUNSUBSCRIBE a")
        #expect(wanted.drop(key(.shard, "a")) == nil)
        #expect(wanted.drop(key(.shard, "never")) == nil)
        #expect(wanted.count == 2)
    }

    @Test("a subscription is live once the last order about it is confirmed")
    func live() {
        let a = key(.channel, "a")
        var wanted = RedisSubscriptions()
        _ = wanted.want(a)
        #expect(!wanted.isLive(a))
        _ = wanted.drop(a)
        _ = wanted.want(a)
        #expect(wanted.note(change(a, true)) == false)
        #expect(!wanted.isLive(a))
        #expect(wanted.note(change(a, false)) == false)
        #expect(!wanted.isLive(a))
        #expect(wanted.note(change(a, true)) == false)
        #expect(wanted.isLive(a))
    }

    @Test("a subscription that the server ends is to be made again, if it is wanted still")
    func endedByTheServer() {
        let a = key(.shard, "a")
        var wanted = RedisSubscriptions()
        #expect(wanted.again(a) == nil)
        _ = wanted.want(a)
        _ = wanted.note(change(a, true))
        #expect(wanted.note(change(a, false, isRequested: false)) == true)
        #expect(!wanted.isLive(a))
        #expect(text(wanted.again(a)) == "SSUBSCRIBE a")
        #expect(wanted.note(change(a, true)) == false)
        #expect(wanted.isLive(a))
        _ = wanted.drop(a)
        #expect(wanted.note(change(a, false, isRequested: false)) == false)
        #expect(wanted.note(change(key(.shard, "never"), false, isRequested: false)) == false)
    }

    @Test("a refused order leaves the subscription wanted and not live")
    func refused() throws {
        let a = key(.shard, "a")
        var wanted = RedisSubscriptions()
        let made = wanted.want(a)
        let order = try #require(made)
        wanted.noteFailure(of: order)
        #expect(wanted.isWanted(a))
        #expect(!wanted.isLive(a))
        _ = wanted.again(a)
        _ = wanted.note(change(a, true))
        #expect(wanted.isLive(a))
    }

    @Test("a new session gets all that is wanted and nothing else, sharded channels by slot, in orders of limited size")
    func replay() {
        var wanted = RedisSubscriptions()
        for channel in ["c", "a", "b", "gone"] { _ = wanted.want(key(.channel, channel)) }
        _ = wanted.want(key(.pattern, "p*"))
        for channel in ["{1}x", "{2}x", "{1}y"] { _ = wanted.want(key(.shard, channel)) }
        _ = wanted.note(change(key(.channel, "a"), true))
        _ = wanted.drop(key(.channel, "gone"))
        let orders = wanted.replay(limit: 2)
        #expect(
            orders.map { text($0) } == [
                "SUBSCRIBE a b", "SUBSCRIBE c", "PSUBSCRIBE p*", "SSUBSCRIBE {2}x", "SSUBSCRIBE {1}x {1}y",
            ])
        #expect(!wanted.isLive(key(.channel, "a")))
        for channel in ["a", "b", "c"] { _ = wanted.note(change(key(.channel, channel), true)) }
        #expect(wanted.isLive(key(.channel, "a")))
        #expect(RedisSubscriptions().count == 0)
    }

    @Test("the orders of a replay, played through a session, make everything live")
    func throughASession() {
        var wanted = RedisSubscriptions()
        _ = wanted.want(key(.channel, "a"))
        _ = wanted.want(key(.channel, "b"))
        var dialogue = Dialogue.ready()
        for order in wanted.replay() { _ = dialogue.session.change(order, deadlineMs: 100) }
        dialogue.play(
            #"""
            > SUBSCRIBE a b
            < >3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n
            """#)
        while let event = dialogue.session.nextEvent() {
            if case .subscription(let change) = event { _ = wanted.note(change) }
        }
        #expect(wanted.isLive(key(.channel, "a")))
        #expect(wanted.isLive(key(.channel, "b")))
    }
}
