import PharosBytes
import PharosEdge
import PharosTestKit
import Testing

@Suite("output that waits")
struct OverflowTests {
    /// A text of one length whatever the number is.
    private func text(_ name: String, _ number: Int, length: Int = 1_000) -> String {
        let head = "\(name)\(number)."
        return head + String(repeating: "-", count: length - head.utf8.count)
    }

    /// A connection that does not read, subscribed to one topic.
    ///
    /// So much waits that its socket is full.
    private func blocked(
        _ kind: ScenePeer.Kind, limit: Int
    ) -> (scene: ShardScene, peer: ScenePeer, id: ConnectionID, topic: UInt32, node: UInt32) {
        let scene = ShardScene { $0.outputLimit = limit }
        let (peer, id) = scene.stream(kind, buffer: 8_192)
        let topic = scene.loop.edge.makeTopic()
        let node = scene.loop.edge.subscribe(id, to: topic, lane: 0)
        // Two of them fill any socket of that size, and more than is encrypted at a time.
        for number in 0..<2 {
            scene.loop.edge.send(id, .chunk, ByteWriter(text("fill", number, length: 66_000)))
            scene.settle()
        }
        return (scene, peer, id, topic, node)
    }

    /// All that the peer gets once it reads.
    ///
    /// Chunk by chunk, each cut at its first full stop.
    private func names(_ scene: ShardScene, _ peer: ScenePeer, until last: String, after output: String = "")
        -> [String]
    {
        var text = output
        scene.run { _ in
            text += peer.read()
            return text.contains(last)
        }
        scene.settle()
        text += peer.read()
        return text.split(separator: "\r\n").enumerated().compactMap { index, part in
            index % 2 == 1 ? String(part.prefix { $0 != "." }) : nil
        }
    }

    @Test(
        "beyond the limit the oldest are dropped, and the handler is told how many", arguments: ScenePeer.Kind.allCases)
    func dropOldest(_ kind: ScenePeer.Kind) {
        let (scene, peer, id, topic, _) = blocked(kind, limit: 200_000)
        scene.script.onDrop = { $1.send($0, .chunk, ByteWriter("lagging.")) }
        for number in 0..<300 {
            scene.loop.edge.publish(topic, lane: 0, .chunk, ByteWriter(text("m", number)), policy: .dropOldest)
            if number == 150 { scene.loop.edge.send(id, .chunk, ByteWriter("reply.")) }
            scene.loop.runTurn(waitMs: 0)
        }
        #expect(scene.script.slow.isEmpty)
        let dropped = scene.script.drops.reduce(0) { $0 + $1.dropped }
        #expect(dropped > 50)
        #expect(scene.script.drops.allSatisfy { $0.id == id && $0.topic == topic && $0.replaced == 0 })
        #expect(Int(scene.loop.edge.counters.dropped) == dropped)
        let got = names(scene, peer, until: "m299.")
        let numbers = got.filter { $0.hasPrefix("m") }.map { Int($0.dropFirst())! }
        #expect(numbers == numbers.sorted())
        #expect(numbers.count == 300 - dropped)
        #expect(got.contains("reply"))
        #expect(got.filter { $0 == "lagging" }.count == scene.script.drops.count)
        #expect(got.contains("fill1"))
    }

    @Test(
        "the newest is kept as long as it fits, whatever else waits", arguments: ScenePeer.Kind.allCases)
    func newestStays(_ kind: ScenePeer.Kind) {
        // The output that cannot be dropped takes more than half of the limit.
        let (scene, peer, _, topic, _) = blocked(kind, limit: 150_000)
        for number in 0..<300 {
            scene.loop.edge.publish(topic, lane: 0, .chunk, ByteWriter(text("m", number)), policy: .dropOldest)
            scene.loop.runTurn(waitMs: 0)
            #expect(scene.script.drops.reduce(0) { $0 + $1.dropped } <= number)
        }
        #expect(!scene.script.drops.isEmpty)
        #expect(scene.script.slow.isEmpty)
        #expect(names(scene, peer, until: "m299.").last == "m299")
    }

    @Test("an answer that was asked for waits on top of the limit", arguments: ScenePeer.Kind.allCases)
    func answer(_ kind: ScenePeer.Kind) {
        let scene = ShardScene { $0.outputLimit = 50_000 }
        let (peer, id) = scene.stream(kind, buffer: 8_192)
        scene.loop.edge.send(id, .chunk, ByteWriter(text("answer", 0, length: 400_000)))
        scene.loop.edge.allowOutput(id, count: 400_000)
        scene.loop.edge.send(id, .chunk, ByteWriter(text("after", 0, length: 20_000)))
        scene.settle()
        #expect(scene.script.slow.isEmpty)
        // Another one is not allowed while the first is still to be taken.
        scene.loop.edge.send(id, .chunk, ByteWriter(text("answer", 1, length: 400_000)))
        scene.loop.edge.allowOutput(id, count: 400_000)
        scene.settle()
        #expect(scene.script.slow == [id])
        _ = peer
    }

    @Test("an answer that was taken allows nothing any more", arguments: ScenePeer.Kind.allCases, [nil, 8_192])
    func takenAnswer(_ kind: ScenePeer.Kind, _ buffer: Int32?) {
        let scene = ShardScene { $0.outputLimit = 50_000 }
        let (peer, id) = scene.stream(kind, buffer: buffer)
        scene.loop.edge.send(id, .chunk, ByteWriter(text("answer", 0, length: 400_000)))
        scene.loop.edge.allowOutput(id, count: 400_000)
        var taken = 0
        scene.run { _ in
            taken += peer.read().utf8.count
            return taken > 400_000
        }
        scene.settle()
        #expect(scene.script.slow.isEmpty)
        // As long as the answer, but not asked for.
        scene.loop.edge.send(id, .chunk, ByteWriter(text("m", 0, length: 400_000)))
        scene.settle()
        #expect(scene.script.slow == [id])
    }

    @Test("several messages of one turn are dropped together and told once")
    func toldOnce() {
        let (scene, peer, id, topic, _) = blocked(.socket, limit: 150_000)
        let other = scene.loop.edge.makeTopic()
        _ = scene.loop.edge.subscribe(id, to: other, lane: 3)
        for _ in 0..<60 {
            for target in [topic, other] {
                for lane in [UInt16(0), 3] {
                    scene.loop.edge.publish(target, lane: lane, .chunk, ByteWriter(text("m", 1)), policy: .dropOldest)
                }
            }
        }
        scene.loop.runTurn(waitMs: 0)
        #expect(Set(scene.script.drops.map(\.topic)).count == scene.script.drops.count)
        // All of the one topic, and of the other all but the newest piece, which still fits.
        #expect(scene.script.drops.count == 2)
        #expect(scene.script.drops.map(\.dropped).max() == 60)
        #expect(scene.script.drops.allSatisfy { $0.dropped > 1 })
        _ = peer
    }

    @Test("with nothing to drop the connection becomes slow")
    func close() {
        let (scene, peer, id, topic, _) = blocked(.socket, limit: 150_000)
        for number in 0..<100 {
            scene.loop.edge.publish(topic, lane: 0, .chunk, ByteWriter(text("m", number)))
        }
        scene.settle()
        #expect(scene.script.slow.first == id)
        #expect(scene.script.drops.isEmpty)
        _ = peer
    }

    @Test(
        "of a latest-only topic a blocked connection gets the newest, after all that began",
        arguments: ScenePeer.Kind.allCases)
    func latest(_ kind: ScenePeer.Kind) {
        let (scene, peer, id, topic, _) = blocked(kind, limit: 1_000_000)
        for number in 0..<100 {
            scene.loop.edge.publish(topic, lane: 0, .chunk, ByteWriter(text("m", number)), policy: .latest)
            // Now and then several share a turn.
            if number % 3 == 0 { scene.loop.runTurn(waitMs: 0) }
        }
        let got = names(scene, peer, until: "m99.").filter { $0.hasPrefix("m") }
        // Encrypted bytes cannot be taken back.
        #expect(got.last == "m99")
        #expect(got.count <= 2)
        let replaced = scene.script.drops.reduce(0) { $0 + $1.replaced }
        #expect(replaced == 100 - got.count)
        #expect(scene.script.drops.allSatisfy { $0.id == id && $0.dropped == 0 })
    }

    @Test(
        "what one turn brought before the socket was known to be full is replaced as well",
        arguments: ScenePeer.Kind.allCases)
    func latestOfATurn(_ kind: ScenePeer.Kind) {
        let scene = ShardScene { $0.outputLimit = 1_000_000 }
        let (peer, id) = scene.stream(kind, buffer: 8_192)
        let topic = scene.loop.edge.makeTopic()
        _ = scene.loop.edge.subscribe(id, to: topic, lane: 0)
        let count = 2_000
        for number in 0..<count {
            scene.loop.edge.publish(topic, lane: 0, .chunk, ByteWriter(text("m", number)), policy: .latest)
        }
        scene.loop.runTurn(waitMs: 0)
        scene.loop.edge.publish(topic, lane: 0, .chunk, ByteWriter(text("m", count)), policy: .latest)
        scene.loop.runTurn(waitMs: 0)
        let got = names(scene, peer, until: "m\(count).").filter { $0.hasPrefix("m") }
        #expect(got.count < count / 2)
        #expect(got.dropLast() == (0..<got.count - 1).map { "m\($0)" }[...])
        #expect(got.last == "m\(count)")
        #expect(scene.script.slow.isEmpty)
    }

    @Test("conflation keeps the newest of each key, and the order of what is kept")
    func keys() {
        let (scene, peer, _, topic, _) = blocked(.socket, limit: 1_000_000)
        for number in 0..<40 {
            scene.loop.edge.publish(
                topic, lane: 0, .chunk, ByteWriter(text("m", number)), policy: .dropOldest, key: UInt32(number % 4) + 1)
            if number % 5 == 0 {
                scene.loop.edge.publish(topic, lane: 0, .chunk, ByteWriter(text("plain", number)))
            }
            if number % 2 == 0 { scene.loop.runTurn(waitMs: 0) }
        }
        scene.settle()
        let got = names(scene, peer, until: "m39.").filter { !$0.hasPrefix("fill") }
        #expect(got.filter { $0.hasPrefix("m") } == ["m36", "m37", "m38", "m39"])
        #expect(got.filter { $0.hasPrefix("plain") } == (0..<8).map { "plain\($0 * 5)" })
    }

    @Test("a socket that takes nothing is told of", arguments: ScenePeer.Kind.allCases)
    func stuck(_ kind: ScenePeer.Kind) {
        let scene = ShardScene { $0.writeTimeoutMs = 100 }
        let (peer, id) = scene.stream(kind, buffer: 8_192)
        let topic = scene.loop.edge.makeTopic()
        _ = scene.loop.edge.subscribe(id, to: topic, lane: 0)
        for number in 0..<100 {
            scene.loop.edge.publish(topic, lane: 0, .chunk, ByteWriter(text("m", number)), policy: .dropOldest)
            scene.loop.runTurn(waitMs: 0)
        }
        scene.run { $0.stuck.contains(id) }
        #expect(names(scene, peer, until: "m99.") == (0..<100).map { "m\($0)" })
    }

    @Test("connections that keep up get every message, in order", arguments: ScenePeer.Kind.allCases)
    func keepingUp(_ kind: ScenePeer.Kind) {
        let scene = ShardScene()
        let (peer, id) = scene.stream(kind)
        let topic = scene.loop.edge.makeTopic()
        _ = scene.loop.edge.subscribe(id, to: topic, lane: 0)
        var expected = ""
        var got = ""
        for number in 0..<200 {
            let message = "\(number)."
            let policy: OverflowPolicy = number % 3 == 0 ? .latest : .dropOldest
            scene.loop.edge.publish(
                topic, lane: 0, .chunk, ByteWriter(message), policy: policy, key: UInt32(number % 2))
            expected += message.chunk
            if number % 4 == 0 {
                scene.loop.runTurn(waitMs: 0)
                got += peer.read()
            }
        }
        scene.settle()
        got += peer.read()
        #expect(got == expected)
        #expect(scene.script.drops.isEmpty)
    }

    @Test("what waits of an ended subscription is sent, even if its number is given to another topic")
    func unsubscribed() {
        let (scene, peer, id, topic, node) = blocked(.socket, limit: 1_000_000)
        scene.loop.edge.publish(topic, lane: 0, .chunk, ByteWriter(text("old", 1)), policy: .latest)
        scene.settle()
        scene.loop.edge.unsubscribe(node)
        scene.loop.edge.removeTopic(topic)
        let second = scene.loop.edge.makeTopic()
        #expect(second == topic)
        _ = scene.loop.edge.subscribe(id, to: second, lane: 0)
        scene.loop.edge.publish(second, lane: 0, .chunk, ByteWriter(text("new", 2)), policy: .latest)
        scene.settle()
        #expect(names(scene, peer, until: "new2.").suffix(2) == ["old1", "new2"])
        #expect(scene.script.drops.isEmpty)
    }

    @Test("of a detached connection's output, what was handed out stays under its positions")
    func detached() {
        let scene = ShardScene { $0.outputLimit = 1_000 }
        let id = scene.loop.edge.makeDetached()!
        let topic = scene.loop.edge.makeTopic()
        _ = scene.loop.edge.subscribe(id, to: topic, lane: 0)
        func publish(_ range: Range<Int>, _ policy: OverflowPolicy) {
            for number in range {
                scene.loop.edge.publish(
                    topic, lane: 0, .bare, ByteWriter(text("m", number, length: 99) + "\n"), policy: policy)
                scene.loop.runTurn(waitMs: 0)
            }
        }
        func copy(from position: UInt64) -> (names: [Substring], next: UInt64) {
            var writer = ByteWriter()
            let next = scene.loop.edge.copyOutput(of: id, from: position, limit: .max, into: &writer)
            let lines = String(decoding: writer.array, as: UTF8.self).split(separator: "\n")
            return (lines.map { $0.prefix { $0 != "." } }, next ?? .max)
        }
        publish(0..<3, .dropOldest)
        let first = copy(from: 0)
        #expect(first.names == ["m0", "m1", "m2"])
        publish(3..<12, .dropOldest)
        #expect(scene.script.slow.isEmpty)
        #expect(scene.script.drops.reduce(0) { $0 + $1.dropped } > 0)
        #expect(copy(from: 0).names.prefix(3) == ["m0", "m1", "m2"])
        let second = copy(from: first.next)
        #expect(second.names.last == "m11")
        #expect(second.names.first != "m3")
        scene.loop.edge.dropOutput(of: id, upTo: second.next)
        publish(12..<15, .latest)
        #expect(copy(from: second.next).names == ["m14"])
        publish(15..<18, .latest)
        #expect(copy(from: second.next).names == ["m14", "m17"])
    }

    @Test(
        "any mixture of policies, keys, stops and reading keeps the order and accounts for every message",
        arguments: 1...12)
    func mixture(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let scene = ShardScene { $0.outputLimit = 120_000 }
        let (peer, id) = scene.stream(seed % 2 == 0 ? .socket : .tls, buffer: 8_192)
        let topics = (0..<3).map { _ in scene.loop.edge.makeTopic() }
        for topic in topics { _ = scene.loop.edge.subscribe(id, to: topic, lane: 1) }
        var sent = [0, 0, 0]
        var output = ""
        for number in 0..<600 {
            let topic = Int.random(in: 0..<3, using: &random)
            let message = text("t\(topic):", number, length: .random(in: 20..<9_000, using: &random))
            scene.loop.edge.publish(
                topics[topic], lane: 1, .chunk, ByteWriter(message), policy: topic == 1 ? .latest : .dropOldest,
                key: topic == 2 ? .random(in: 0..<4, using: &random) : 0)
            sent[topic] += 1
            if Int.random(in: 0..<4, using: &random) == 0 { scene.loop.runTurn(waitMs: 0) }
            if Int.random(in: 0..<40, using: &random) == 0 { output += peer.read() }
        }
        // Messages published in this turn go to the connections at its end only.
        scene.loop.runTurn(waitMs: 0)
        scene.loop.edge.send(id, .chunk, ByteWriter("the end."))
        let got = names(scene, peer, until: "the end.", after: output)
        #expect(scene.script.slow.isEmpty)
        #expect(!scene.script.drops.isEmpty)
        for (place, topic) in topics.enumerated() {
            let numbers = got.filter { $0.hasPrefix("t\(place):") }.map { Int($0.dropFirst(3))! }
            #expect(numbers == numbers.sorted())
            let lost = scene.script.drops.filter { $0.topic == topic }.reduce(0) { $0 + $1.dropped + $1.replaced }
            #expect(numbers.count + lost == sent[place])
        }
    }
}
