import Testing

@testable import PharosRedis

/// The session against a real server.
///
/// The environment variable PHAROS_REDIS_SERVER names the program by its path.
@Suite(
    "Live Redis server", .serialized,
    .enabled(if: LiveServer.path != nil, "PHAROS_REDIS_SERVER names no redis-server"))
struct RedisLiveTests {
    private static let count = 10_000

    @Test("10,000 pipelined commands are answered in order, in both versions", arguments: [3, 2])
    func pipeline(version: Int) throws {
        let server = try LiveServer(port: 21_850)
        var client = try LiveClient(
            port: server.port, RedisSessionOptions(clientName: "pharos", database: 1, prefersRESP3: version == 3))
        for _ in 0..<RedisLiveTests.count { _ = client.send(["INCR", "counter"]) }
        guard case .ready(let info)? = client.nextEvent() else {
            Issue.record("the handshake did not end")
            return
        }
        #expect(info.protocolVersion == version)
        #expect(info.software == (version == 3 ? "redis" : nil))
        var inOrder = 0
        while inOrder < RedisLiveTests.count, case .reply(let ticket, .integer(let number))? = client.nextEvent(),
            number == inOrder + 1, ticket.number == UInt64(number)
        {
            inOrder += 1
        }
        #expect(inOrder == RedisLiveTests.count)
        _ = client.send(["CLIENT", "GETNAME"])
        #expect(client.nextEvent()?.notation == #"reply 10001 "pharos""#)
        #expect(client.session.waitingCount == 0)
    }

    @Test("10,000 messages arrive in order, in both versions", arguments: [3, 2])
    func messages(version: Int) throws {
        let server = try LiveServer(port: 21_851)
        var subscriber = try LiveClient(port: server.port, RedisSessionOptions(prefersRESP3: version == 3))
        let order = RedisSubscriptionOrder(.channel, isSubscribe: true, channels: [Array("news".utf8)])
        _ = subscriber.session.change(order, deadlineMs: 20_000)
        while let event = subscriber.nextEvent() { if case .confirmed = event { break } }
        var publisher = try LiveClient(port: server.port)
        for number in 0..<RedisLiveTests.count { _ = publisher.send(["PUBLISH", "news", .integer(Int64(number))]) }
        var heard = 0
        while let event = publisher.nextEvent() {
            if case .reply(_, .integer(1)) = event { heard += 1 }
            if heard == RedisLiveTests.count { break }
        }
        #expect(heard == RedisLiveTests.count)
        var inOrder = 0
        while inOrder < RedisLiveTests.count, case .message(_, let payload)? = subscriber.nextEvent(),
            payload.elementsEqual("\(inOrder)".utf8)
        {
            inOrder += 1
        }
        #expect(inOrder == RedisLiveTests.count)
    }

    @Test("a server that sleeps makes its command time out, and ends the session")
    func timeout() throws {
        let server = try LiveServer(port: 21_852)
        var client = try LiveClient(port: server.port)
        _ = client.send(["SET", "key", "value"])
        while let event = client.nextEvent() { if event.notation == "reply 1 +OK" { break } }
        let beforeMs = client.nowMs
        _ = client.send(["DEBUG", "SLEEP", "2"], withinMs: 300)
        _ = client.send(["GET", "key"], withinMs: 10_000)
        var events: [String] = []
        while let event = client.nextEvent() { events.append(event.notation) }
        #expect(
            events == [
                "failed 2 timedOut outcomeUnknown", "failed 3 closed outcomeUnknown", "over: commandTimedOut",
            ])
        let tookMs = client.nowMs - beforeMs
        #expect((300..<1_900).contains(tookMs))
    }

    @Test("a server that ends is noticed at once")
    func disconnected() throws {
        var server: LiveServer? = try LiveServer(port: 21_853)
        var client = try LiveClient(port: 21_853)
        guard case .ready? = client.nextEvent() else {
            Issue.record("the handshake did not end")
            return
        }
        server = nil
        _ = client.send(["PING"])
        var events: [String] = []
        while let event = client.nextEvent() { events.append(event.notation) }
        #expect(events.first?.hasPrefix("failed 1 closed") == true)
        #expect(events.last == "over: disconnected")
        #expect(server == nil)
    }
}
