import PharosDomain
import PharosLinks
import PharosRedis
import Testing

@testable import PharosRedisEngine

/// The parts of the engine that need no server.
@Suite("machines of the engine over Redis")
struct MachineTests {
    @Test("an answer waits for its own message, whichever comes first, and not for ever")
    func own() {
        var own = OwnPublications<String, Int>()
        #expect(own.answered(1, "not expected", untilMs: 5) == "not expected")
        own.sent(2, 0)
        #expect(own.reported(2) == nil)
        #expect(own.answered(2, "message first", untilMs: 5) == "message first")
        own.sent(3, 0)
        #expect(own.answered(3, "reply first", untilMs: 5) == nil)
        #expect(own.reported(3) == "reply first")
        #expect(own.reported(3) == nil)
        own.sent(4, 0)
        #expect(own.answered(4, "late", untilMs: 7) == nil)
        #expect(own.expire(nowMs: 6) == [])
        #expect(own.expire(nowMs: 7) == ["late"])
        #expect(own.reported(4) == nil)
        own.sent(5, 0)
        own.forget(5)
        #expect(own.answered(5, "a repeat", untilMs: 9) == "a repeat")
        own.sent(6, 0)
        own.sent(7, 0)
        #expect(own.answered(6, "no link", untilMs: 9) == nil)
        own.sent(8, 1)
        #expect(own.answered(8, "another link", untilMs: 9) == nil)
        #expect(own.release(0) == ["no link"])
        #expect(own.reported(8) == "another link")
        #expect(own.answered(7, "no link either", untilMs: 9) == "no link either")
        #expect(own.count == 0)
    }

    @Test("requests wait for the confirmation of their channel only")
    func followed() {
        var followed = FollowedChannels<Int>()
        #expect(followed.hold(0, "news") == false)
        #expect(followed.follow("news", 0, nil) == true)
        #expect(followed.follow("news", 1, nil) == false)
        #expect(followed.hold(1, "news") == true)
        #expect(followed.hold(2, "news") == true)
        #expect(followed.hold(3, "sport") == false)
        #expect(followed.set(.live, "news") == [1, 2])
        #expect(followed.hold(4, "news") == false)
        followed.interrupt("news")
        #expect(followed.set(.lost, "news") == [])
        #expect(followed.takeInterruption("news") == true)
        #expect(followed.takeInterruption("news") == false)
        #expect(followed.unfollow("news", 0) == nil)
        #expect(followed.unfollow("news", 1)?.state == .lost)
        #expect(followed.channels.isEmpty)
    }

    @Test("messages of another form, or of a later version, are told from others")
    func messages() {
        let token = OwnToken(sender: 255, number: 16)
        let plain = EngineMessage(EngineMessage.bytes(.publication, token: token, envelope: [1, 10, 2]))
        #expect(plain?.position == StreamPosition())
        #expect(plain?.token == token)
        #expect(plain.map { Array($0.envelope) } == [1, 10, 2])
        let numbered = EngineMessage(Array("p7 abc ff.10 later\nx".utf8))
        #expect(numbered?.position == StreamPosition(offset: 7, epoch: "abc"))
        #expect(numbered?.token == token)
        #expect(numbered?.kind == .publication)
        for text in ["", "\n", "p", "p7 abc\n", "z7 abc ff.10\n", "px abc \n", "p-1 abc \n", "p7 abc ff.10"] {
            #expect(EngineMessage(Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test("ranges of streams never run over the ends of numbers")
    func ranges() {
        #expect(RedisRange(after: nil, limit: 5).first == "-")
        #expect(RedisRange(after: 0, limit: 5).first == "1")
        #expect(RedisRange(after: .max - 1, limit: 5).first == "18446744073709551615")
        #expect(RedisRange(after: .max, limit: 5).count == 0)
        #expect(RedisRange(after: 1, limit: -1).count == 0)
        #expect(RedisRange(after: 1, limit: .max).count == 1_000_000_000)
        #expect(RedisRange(before: nil, limit: 5).first == "+")
        #expect(RedisRange(before: 0, limit: 5).count == 0)
        #expect(RedisRange(before: 1, limit: 5).first == "0")
    }

    @Test("all names of a channel are in one slot, whatever is in its own name")
    func names() {
        let names = RedisNames(prefix: "app")
        for channel: ChannelName in ["news", "{x}y", "a}b{", "", "caf\u{E9}", "a b"] {
            let slot = RedisNames.slot(ofTag: RedisNames.tag(of: channel))
            let all = [
                names.meta(channel), names.stream(channel), names.messages(channel), names.answer(channel, "{k}"),
            ]
            for name in all { #expect(ClusterSlots.slot(of: name) == slot) }
            #expect(Set(all).count == 4)
            #expect(names.channel(ofMessages: Array(names.messages(channel).utf8)) == channel)
        }
        #expect(names.answer("a", "1b") != names.answer("a1", "b"))
        #expect(names.channel(ofMessages: Array("app.n.all".utf8)) == nil)
        #expect(names.channel(ofMessages: Array("app.c.{00".utf8)) == nil)
        #expect(names.channel(ofMessages: Array("app.c.{00}".utf8)) == nil)
    }

    @Test("the map of slots is read, and changed by redirections")
    func clusterMap() throws {
        func node(_ host: String, _ port: Int64) -> RESPValue {
            .array([.bulkString(Array(host.utf8)), .integer(port), .bulkString([1])])
        }
        let reply = RESPValue.array([
            .array([.integer(0), .integer(8_191), node("10.0.0.1", 6379), node("10.0.0.3", 6379)]),
            .array([.integer(8_192), .integer(16_383), node("", 6380)]),
        ])
        var map = try #require(ClusterMap(reply, host: "asked"))
        #expect(map.masters == [LinkAddress(host: "10.0.0.1", port: 6379), LinkAddress(host: "asked", port: 6380)])
        #expect((0..<128).count { map[$0]?.host == "asked" } == 64)
        let other = LinkAddress(host: "10.0.0.9", port: 1)
        let slot = RedisNames.slot(ofTag: 3)
        let moves = [map.move(slot: slot, to: other), map.move(slot: slot, to: other)]
        #expect(moves == [true, false])
        #expect(map.tag(of: other) == 3)
        #expect(ClusterMap(.array([.array([.integer(0)])]), host: "asked") == nil)
    }
}
