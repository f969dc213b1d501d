import PharosBytes
import PharosEdge
import Testing

@Suite("the output of the whole process")
struct OutputTotalTests {
    private func full(_ scene: ShardScene, _ count: Int) -> (ScenePeer, ConnectionID) {
        let (peer, id) = scene.stream(buffer: 8_192)
        for _ in 0..<count { scene.loop.edge.send(id, .chunk, ByteWriter(String(repeating: "x", count: 10_000))) }
        return (peer, id)
    }

    @Test("over the limit the connections with most waiting end first, until it is met")
    func slowestFirst() {
        let total = OutputTotal(limit: 700_000)
        let scene = ShardScene { $0.outputTotal = total }
        scene.script.onSlow = { $1.endStream($0, dropsQueue: true) }
        let first = full(scene, 20)
        let second = full(scene, 30)
        scene.settle()
        #expect(scene.script.slow.isEmpty)
        #expect(total.current > 300_000)
        let third = full(scene, 40)
        scene.settle()
        #expect(scene.script.slow == [third.1])
        #expect(total.current <= 700_000)
        #expect(scene.loop.edge.counters.slowByTotal == 1)
        let fourth = full(scene, 60)
        scene.settle()
        #expect(scene.script.slow.contains(fourth.1))
        #expect(!scene.script.slow.contains(first.1))
        withExtendedLifetime((first, second, third, fourth)) {}
    }

    @Test("what may be dropped is dropped before a connection ends")
    func policiesFirst() {
        let total = OutputTotal(limit: 400_000)
        let scene = ShardScene { $0.outputTotal = total }
        let (peer, id) = full(scene, 20)
        let topic = scene.loop.edge.makeTopic()
        _ = scene.loop.edge.subscribe(id, to: topic, lane: 0)
        scene.settle()
        for _ in 0..<30 {
            scene.loop.edge.publish(
                topic, lane: 0, .chunk, ByteWriter(String(repeating: "y", count: 10_000)), policy: .dropOldest)
            scene.settle()
        }
        #expect(scene.script.slow.isEmpty)
        #expect(scene.script.drops.reduce(0) { $0 + $1.dropped } > 10)
        #expect(total.current <= 400_000)
        _ = peer
    }

    @Test("bytes that many wait for count once, and those that have left count no more")
    func shared() {
        let total = OutputTotal(limit: 10_000_000)
        let scene = ShardScene { $0.outputTotal = total }
        let peers = (0..<10).map { _ in scene.stream(buffer: 8_192) }
        let topic = scene.loop.edge.makeTopic()
        for (_, id) in peers { _ = scene.loop.edge.subscribe(id, to: topic, lane: 0) }
        scene.loop.edge.publish(topic, lane: 0, .chunk, ByteWriter(String(repeating: "z", count: 200_000)))
        scene.settle()
        #expect((200_000..<210_000).contains(total.current))
        for (peer, _) in peers {
            var count = 0
            scene.run { _ in
                count += peer.readBytes().count
                return count > 200_000
            }
        }
        scene.settle()
        #expect(total.current == 0)
    }

    @Test("each shard gives up its part, and takes nothing along when it ends")
    func shards() {
        let total = OutputTotal(limit: 500_000)
        let small = ShardScene { $0.outputTotal = total }
        let large = ShardScene { $0.outputTotal = total }
        for scene in [small, large] { scene.script.onSlow = { $1.endStream($0, dropsQueue: true) } }
        let few = full(small, 10)
        small.settle()
        let many = (0..<6).map { _ in full(large, 10) }
        large.settle()
        #expect(!large.script.slow.isEmpty)
        #expect(large.script.slow.count < 6)
        #expect(small.script.slow.isEmpty)
        #expect(total.current <= 500_000)
        for scene in [small, large] {
            scene.loop.edge.isFinished = true
            scene.loop.run()
        }
        #expect(total.current == 0)
        withExtendedLifetime((few, many)) {}
    }
}
