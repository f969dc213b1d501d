import PharosBytes
import PharosEdge
import PharosTestKit
import Testing

@Suite("topics and lanes")
struct LaneTests {
    @Test("each subscriber gets what was published to its lane, in its framing")
    func lanes() {
        let scene = ShardScene()
        let (json, first) = scene.webSocket()
        let (packed, second) = scene.webSocket(.tls)
        let (events, third) = scene.stream()
        let detached = scene.loop.edge.makeDetached()!
        let topic = scene.loop.edge.makeTopic()
        _ = scene.loop.edge.subscribe(first, to: topic, lane: 0)
        _ = scene.loop.edge.subscribe(second, to: topic, lane: 65_535)
        _ = scene.loop.edge.subscribe(third, to: topic, lane: 300)
        _ = scene.loop.edge.subscribe(detached, to: topic, lane: 7)
        scene.loop.edge.publish(topic, lane: 0, .text, ByteWriter("text"))
        scene.loop.edge.publish(topic, lane: 0, .binary, ByteWriter("binary"))
        scene.loop.edge.publish(topic, lane: 65_535, .compressedText, ByteWriter("deflated"))
        scene.loop.edge.publish(topic, lane: 65_535, .compressedBinary, ByteWriter("too"))
        scene.loop.edge.publish(topic, lane: 300, .chunk, ByteWriter("data: 1\n\n"))
        scene.loop.edge.publish(topic, lane: 300, .chunk, ByteWriter(""))
        scene.loop.edge.publish(topic, lane: 7, .bare, ByteWriter("line\n"))
        scene.loop.edge.publish(topic, lane: 1, .text, ByteWriter("nobody"))
        scene.settle()
        #expect(json.readBytes() == frame("text") + frame("binary", first: 0x82))
        #expect(packed.readBytes() == frame("deflated", first: 0xC1) + frame("too", first: 0xC2))
        #expect(events.read() == "data: 1\n\n".chunk)
        var kept = ByteWriter()
        #expect(scene.edge { $0.copyOutput(of: detached, from: 0, limit: 100, into: &kept) } == 5)
        #expect(kept.array == Array("line\n".utf8))
    }

    @Test("the lanes in use are those with subscribers, and a place left is used again")
    func placesInUse() {
        let scene = ShardScene()
        let topic = scene.loop.edge.makeTopic()
        let ids = (0..<5).map { _ in scene.loop.edge.makeDetached()! }
        var nodes = zip(ids, [3, 1, 4, 1, 5]).map { scene.loop.edge.subscribe($0, to: topic, lane: UInt16($1)) }
        func inUse() -> Set<UInt16> {
            Set((0..<scene.loop.edge.laneSlots(of: topic)).compactMap { scene.loop.edge.lane(of: topic, at: $0) })
        }
        #expect(inUse() == [1, 3, 4, 5])
        #expect(scene.edge { $0.hasSubscribers(topic, lane: 1) })
        #expect(!scene.edge { $0.hasSubscribers(topic, lane: 2) })
        scene.loop.edge.unsubscribe(nodes[1])
        #expect(inUse() == [1, 3, 4, 5])
        scene.loop.edge.unsubscribe(nodes[3])
        #expect(inUse() == [3, 4, 5])
        #expect(!scene.edge { $0.hasSubscribers(topic, lane: 1) })
        nodes[1] = scene.loop.edge.subscribe(ids[1], to: topic, lane: 9)
        #expect(inUse() == [3, 4, 5, 9])
        #expect(scene.edge { $0.laneSlots(of: topic) } == 4)
        #expect(scene.edge { $0.lane(of: topic, at: 99) } == nil)
        for node in [0, 1, 2, 4] { scene.loop.edge.unsubscribe(nodes[node]) }
        #expect(scene.edge { $0.subscriberCount(of: topic) } == 0)
        scene.loop.edge.removeTopic(topic)
    }

    @Test("who comes in a turn gets what follows only, and who leaves what came before")
    func turnBoundaries() {
        let scene = ShardScene()
        let (early, first) = scene.stream()
        let (late, second) = scene.stream()
        let topic = scene.loop.edge.makeTopic()
        let node = scene.loop.edge.subscribe(first, to: topic, lane: 2)
        scene.loop.edge.publish(topic, lane: 2, .chunk, ByteWriter("1"))
        _ = scene.loop.edge.subscribe(second, to: topic, lane: 2)
        scene.loop.edge.publish(topic, lane: 2, .chunk, ByteWriter("2"))
        scene.loop.edge.unsubscribe(node)
        scene.loop.edge.publish(topic, lane: 2, .chunk, ByteWriter("3"))
        scene.settle()
        #expect(early.read() == "1".chunk + "2".chunk)
        #expect(late.read() == "2".chunk + "3".chunk)
    }

    @Test("many lanes and subscribers that come and go keep their lanes", arguments: [1, 2, 3])
    func manyLanes(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let scene = ShardScene { $0.detachedLimit = 200 }
        let topic = scene.loop.edge.makeTopic()
        let ids = (0..<120).map { _ in scene.loop.edge.makeDetached()! }
        var joined: [Int: (node: UInt32, lane: UInt16)] = [:]
        var expected = [String](repeating: "", count: ids.count)
        for round in 0..<2_000 {
            let index = Int.random(in: ids.indices, using: &random)
            if let subscription = joined.removeValue(forKey: index) {
                scene.loop.edge.unsubscribe(subscription.node)
            } else {
                let lane = UInt16.random(in: 0..<20, using: &random)
                joined[index] = (scene.loop.edge.subscribe(ids[index], to: topic, lane: lane), lane)
            }
            let lane = UInt16.random(in: 0..<20, using: &random)
            scene.loop.edge.publish(topic, lane: lane, .bare, ByteWriter("\(round)\n"))
            for (index, subscription) in joined where subscription.lane == lane { expected[index] += "\(round)\n" }
            if round % 50 == 0 { scene.loop.runTurn(waitMs: 0) }
        }
        scene.settle()
        for (index, id) in ids.enumerated() {
            var kept = ByteWriter()
            #expect(scene.edge { $0.copyOutput(of: id, from: 0, limit: .max, into: &kept) } != nil)
            #expect(String(decoding: kept.array, as: UTF8.self) == expected[index])
        }
        for subscription in joined.values { scene.loop.edge.unsubscribe(subscription.node) }
        scene.loop.edge.removeTopic(topic)
        for id in ids { scene.loop.edge.closeDetached(id) }
    }
}
