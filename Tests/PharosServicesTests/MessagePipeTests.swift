import CPharosSys
import PharosBytes
import PharosDomain
import PharosEdge
import Testing

@testable import PharosServices

/// A transport that exchanges messages, and a shard whose turns are run by hand.
@Suite("the pipe between a message transport and its shard")
struct MessagePipeTests {
    /// Notes what it is told, and answers nothing.
    private final class SilentOutbox: ClientOutbox {
        struct Heard {
            var messages = 0
            var readOns = 0
            var ends: [Disconnect] = []
        }

        let heard = Locked(Heard())

        func deliver(_ messages: [OutboxMessage]) { heard.withLock { $0.messages += messages.count } }
        func readOn() { heard.withLock { $0.readOns += 1 } }
        func ended(_ reason: Disconnect) { heard.withLock { $0.ends.append(reason) } }
    }

    private func open(
        _ outbox: SilentOutbox, _ shard: ServiceSliceTests.Shard, limit: Int = 65_536
    ) -> MessageClient {
        let pipe = MessagePipe(1, outbox, limit: limit)
        shard.node.post(.openClient(ClientOpening(), pipe), to: 0)
        let node = shard.node
        return MessageClient(number: 1, flow: pipe.flow, shard: 0) { node.post($0, to: $1) }
    }

    @Test("a client that writes faster than its shard reads has to wait, and reads on once it may")
    func readOn() throws {
        let shard = try ServiceSliceTests.Shard()
        let outbox = SilentOutbox()
        let client = open(outbox, shard, limit: 100)
        #expect(client.received(Array(#"{"id":1,"connect":{}}"#.utf8)))
        func ask(_ id: Int) -> Bool {
            client.received(Array(#"{"id":\#(id),"presence_stats":{"channel":"room:some-channel"}}"#.utf8))
        }
        #expect(ask(2))
        #expect(!ask(3))
        #expect(!ask(4))
        #expect(outbox.heard.withLock { $0.readOns } == 0)
        shard.turn()
        #expect(outbox.heard.withLock { $0.readOns } == 1)
        #expect(ask(5))
    }

    @Test("a transport that neither takes the last messages nor goes is given up")
    func givenUp() throws {
        let shard = try ServiceSliceTests.Shard(edge: { $0.closeTimeoutMs = 20 })
        let outbox = SilentOutbox()
        let client = open(outbox, shard)
        _ = client.received(Array(#"{"id":1,"connect":{}}"#.utf8))
        shard.turn()
        #expect(outbox.heard.withLock { $0.messages } == 1)
        _ = shard.call("disconnect", #"{"all":true}"#)
        #expect(outbox.heard.withLock { $0.ends } == [])
        let end = pharos_monotonic_ms() + 30_000
        while outbox.heard.withLock({ $0.ends.isEmpty }), pharos_monotonic_ms() < end { shard.turn() }
        #expect(outbox.heard.withLock { $0.ends } == [.forceDisconnect])
        #expect(outbox.heard.withLock { $0.messages } == 1)
        let isEmpty = shard.loop.handler.messages.isEmpty
        #expect(isEmpty)
    }

    @Test("an end is told once, also when the message that carries the pipe is dropped")
    func dropped() {
        let outbox = SilentOutbox()
        do {
            let pipe = MessagePipe(1, outbox, limit: 100)
            pipe.end(.slow)
            pipe.end(.shutdown)
        }
        #expect(outbox.heard.withLock { $0.ends } == [.slow])
        _ = MessagePipe(2, outbox, limit: 100)
        #expect(outbox.heard.withLock { $0.ends } == [.slow, .shutdown])
    }
}
