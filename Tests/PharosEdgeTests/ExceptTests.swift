import PharosBytes
import PharosEdge
import PharosTestKit
import Testing

@Suite("publications that one subscriber does not get")
struct ExceptTests {
    @Test("who steps aside gets what came before and what comes after, the others everything", arguments: 0..<4)
    func stepsAside(place: Int) {
        let scene = ShardScene()
        let ids = (0..<4).map { _ in scene.loop.edge.makeDetached()! }
        let topic = scene.loop.edge.makeTopic()
        let nodes = ids.enumerated().map { scene.loop.edge.subscribe($1, to: topic, lane: UInt16($0 % 2)) }
        func publish(_ text: String) {
            for lane: UInt16 in 0...1 { scene.loop.edge.publish(topic, lane: lane, .bare, ByteWriter("\(text)\n")) }
        }
        publish("1")
        scene.loop.edge.stepAside(nodes[place])
        publish("2")
        // So much that it is handed over before the end of the turn.
        let long = String(repeating: "x", count: 300_000)
        publish(long)
        #expect(scene.edge { $0.hasSubscribers(topic, lane: UInt16(place % 2)) })
        scene.loop.edge.stepBack(nodes[place])
        publish("3")
        scene.settle()
        for (index, id) in ids.enumerated() {
            var kept = ByteWriter()
            #expect(scene.edge { $0.copyOutput(of: id, from: 0, limit: .max, into: &kept) } != nil)
            let expected = index == place ? "1\n3\n" : "1\n2\n\(long)\n3\n"
            #expect(String(decoding: kept.array, as: UTF8.self) == expected)
        }
        for node in nodes { scene.loop.edge.unsubscribe(node) }
        scene.loop.edge.removeTopic(topic)
        for id in ids { scene.loop.edge.closeDetached(id) }
    }

    @Test("exceptions among subscribers that come and go", arguments: [1, 2, 3])
    func manyExceptions(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let scene = ShardScene()
        let topic = scene.loop.edge.makeTopic()
        let ids = (0..<40).map { _ in scene.loop.edge.makeDetached()! }
        var joined: [Int: UInt32] = [:]
        var expected = [String](repeating: "", count: ids.count)
        for round in 0..<1_000 {
            let index = Int.random(in: ids.indices, using: &random)
            if let node = joined.removeValue(forKey: index) {
                scene.loop.edge.unsubscribe(node)
            } else {
                joined[index] = scene.loop.edge.subscribe(ids[index], to: topic, lane: 0)
            }
            let except = joined.keys.sorted().randomElement(using: &random)
            if let except { scene.loop.edge.stepAside(joined[except]!) }
            scene.loop.edge.publish(topic, lane: 0, .bare, ByteWriter("\(round)\n"))
            if let except { scene.loop.edge.stepBack(joined[except]!) }
            for index in joined.keys where index != except { expected[index] += "\(round)\n" }
            if round % 50 == 0 { scene.loop.runTurn(waitMs: 0) }
        }
        scene.settle()
        for (index, id) in ids.enumerated() {
            var kept = ByteWriter()
            #expect(scene.edge { $0.copyOutput(of: id, from: 0, limit: .max, into: &kept) } != nil)
            #expect(String(decoding: kept.array, as: UTF8.self) == expected[index])
        }
        for node in joined.values { scene.loop.edge.unsubscribe(node) }
        scene.loop.edge.removeTopic(topic)
        for id in ids { scene.loop.edge.closeDetached(id) }
    }
}
