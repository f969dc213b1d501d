import PharosBytes
import PharosEdge
import Testing

@Suite("detached connections")
struct DetachedTests {
    private func copy(
        _ scene: ShardScene, _ id: ConnectionID, from position: UInt64, limit: Int = .max
    ) -> (text: String, next: UInt64)? {
        var writer = ByteWriter()
        guard let next = scene.loop.edge.copyOutput(of: id, from: position, limit: limit, into: &writer) else {
            #expect(writer.count == 0)
            return nil
        }
        return (String(decoding: writer.array, as: UTF8.self), next)
    }

    @Test("output is kept by positions: the same position brings the same bytes until they are dropped")
    func positions() {
        let scene = ShardScene()
        let id = scene.loop.edge.makeDetached()!
        #expect(scene.edge { $0.outputEnd(of: id) } == 0)
        scene.loop.edge.send(id, .bare, ByteWriter("one\n"))
        scene.loop.edge.send(id, .bare, ByteWriter("two\n"))
        scene.settle()
        #expect(scene.edge { $0.outputEnd(of: id) } == 8)
        #expect(copy(scene, id, from: 0)! == ("one\ntwo\n", 8))
        #expect(copy(scene, id, from: 0)! == ("one\ntwo\n", 8))
        #expect(copy(scene, id, from: 4)! == ("two\n", 8))
        #expect(copy(scene, id, from: 8)! == ("", 8))
        #expect(copy(scene, id, from: 9) == nil)
        scene.loop.edge.dropOutput(of: id, upTo: 4)
        #expect(scene.edge { $0.outputStart(of: id) } == 4)
        #expect(copy(scene, id, from: 0) == nil)
        #expect(copy(scene, id, from: 4)! == ("two\n", 8))
        scene.loop.edge.dropOutput(of: id, upTo: 100)
        #expect(scene.edge { $0.outputStart(of: id) } == 4)
        scene.loop.edge.send(id, .bare, ByteWriter("three\n"))
        #expect(copy(scene, id, from: 4)! == ("two\nthree\n", 14))
        scene.loop.edge.dropOutput(of: id, upTo: 14)
        #expect(scene.edge { $0.outputEnd(of: id) } == 14)
        #expect(copy(scene, id, from: 14)! == ("", 14))
        scene.loop.edge.closeDetached(id)
        #expect(scene.edge { $0.outputEnd(of: id) } == nil)
    }

    @Test("an answer holds whole messages, as many as fit and at least one")
    func limits() {
        let scene = ShardScene()
        let id = scene.loop.edge.makeDetached()!
        let topic = scene.loop.edge.makeTopic()
        let node = scene.loop.edge.subscribe(id, to: topic, lane: 0)
        scene.loop.edge.send(id, .bare, ByteWriter("12\n"))
        for text in ["345\n", "67\n"] { scene.loop.edge.publish(topic, lane: 0, .bare, ByteWriter(text)) }
        scene.settle()
        scene.loop.edge.send(id, .bare, ByteWriter("8\n"))
        #expect(copy(scene, id, from: 0, limit: 3)! == ("12\n", 3))
        #expect(copy(scene, id, from: 0, limit: 6)! == ("12\n", 3))
        #expect(copy(scene, id, from: 0, limit: 7)! == ("12\n345\n", 7))
        #expect(copy(scene, id, from: 0, limit: 1)! == ("12\n", 3))
        #expect(copy(scene, id, from: 3, limit: 0)! == ("345\n", 7))
        #expect(copy(scene, id, from: 3, limit: 9)! == ("345\n67\n8\n", 12))
        scene.loop.edge.dropOutput(of: id, upTo: 7)
        #expect(copy(scene, id, from: 7, limit: 4)! == ("67\n", 10))
        #expect(copy(scene, id, from: 7)! == ("67\n8\n", 12))
        scene.loop.edge.unsubscribe(node)
        scene.loop.edge.removeTopic(topic)
    }

    @Test("new output is told once per turn, and a parked poll can be answered with it in the same turn")
    func arrival() {
        let scene = ShardScene()
        let (peer, poll) = scene.ask("/poll")
        scene.loop.edge.park(poll)
        let id = scene.loop.edge.makeDetached()!
        let topic = scene.loop.edge.makeTopic()
        _ = scene.loop.edge.subscribe(id, to: topic, lane: 0)
        scene.script.onArrival = { id, edge in
            var body = ByteWriter()
            _ = edge.copyOutput(of: id, from: 0, limit: 1_000, into: &body)
            body.withBytes { edge.respond(poll, status: 200, body: $0) }
        }
        scene.loop.edge.publish(topic, lane: 0, .bare, ByteWriter("one\n"))
        scene.loop.edge.send(id, .bare, ByteWriter("two\n"))
        scene.loop.runTurn(waitMs: 0)
        #expect(scene.script.arrived == [id])
        #expect(peer.read().hasSuffix("\r\n\r\ntwo\none\n"))
        scene.loop.runTurn(waitMs: 0)
        #expect(scene.script.arrived == [id])
    }

    @Test("what nobody asks for is bounded")
    func slow() {
        let scene = ShardScene { $0.outputLimit = 1_000 }
        scene.script.onSlow = { $1.closeDetached($0) }
        let id = scene.loop.edge.makeDetached()!
        for _ in 0..<10 { scene.loop.edge.send(id, .bare, ByteWriter(String(repeating: "z", count: 99) + "\n")) }
        scene.settle()
        #expect(scene.script.slow.isEmpty)
        scene.loop.edge.send(id, .bare, ByteWriter("\n"))
        scene.settle()
        #expect(scene.script.slow == [id])
        #expect(!scene.edge { $0.isOpen(id) })
        #expect(scene.edge { $0.makeDetached() } != nil)
    }

    @Test("a detached connection has a timer, counts as no connection, and there are at most so many")
    func timerAndLimit() {
        let scene = ShardScene { $0.detachedLimit = 2 }
        let id = scene.loop.edge.makeDetached()!
        let other = scene.loop.edge.makeDetached()!
        #expect(scene.edge { $0.makeDetached() } == nil)
        #expect(scene.loop.edge.connectionCount == 0)
        scene.loop.edge.setTimer(id, atMs: scene.loop.edge.nowMs)
        scene.run { $0.timers == [id] }
        scene.loop.edge.closeDetached(other)
        #expect(scene.edge { $0.makeDetached() } != nil)
        #expect(!scene.edge { $0.isOpen(other) })
    }

    @Test("detached connections take no place from sockets")
    func places() {
        let scene = ShardScene {
            $0.connectionCapacity = 2
            $0.detachedLimit = 3
        }
        for _ in 0..<3 { _ = scene.loop.edge.makeDetached()! }
        let peers = [scene.connect(), scene.connect()]
        #expect(scene.loop.edge.connectionCount == 2)
        let (ours, theirs) = ScenePeer.socketPair(buffer: nil)
        let isServed = scene.loop.serve(descriptor: ours)
        #expect(!isServed)
        #expect(ScenePeer(descriptor: theirs).isEnded)
        _ = peers
    }
}
