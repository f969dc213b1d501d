import PharosBytes
import PharosEdge
import PharosTestKit
import Testing

@Suite("fan-outs to many")
struct RollingTests {
    private let many = 300

    private func scene() -> ShardScene {
        ShardScene {
            $0.connectionCapacity = 16
            $0.detachedLimit = 1_024
            $0.outputLimit = 100_000_000
        }
    }

    private func subscribe(_ scene: ShardScene, _ topic: UInt32, lane: UInt16 = 0) -> (id: ConnectionID, node: UInt32) {
        let id = scene.loop.edge.makeDetached()!
        return (id, scene.loop.edge.subscribe(id, to: topic, lane: lane))
    }

    private func publish(_ scene: ShardScene, _ topic: UInt32, _ number: Int, lane: UInt16 = 0) {
        scene.loop.edge.publish(topic, lane: lane, .bare, ByteWriter("\(number)\n"))
    }

    private func output(_ scene: ShardScene, of id: ConnectionID) -> String {
        var bytes = ByteWriter()
        let start = scene.loop.edge.outputStart(of: id)!
        _ = scene.loop.edge.copyOutput(of: id, from: start, limit: .max, into: &bytes)
        return bytes.withBytes { String(decoding: $0, as: UTF8.self) }.split(separator: "\n").map { "\($0);" }.joined()
    }

    @Test("it goes on from turn to turn, and brings what is published meanwhile in the same piece")
    func goesOn() {
        let scene = scene()
        let topic = scene.loop.edge.makeTopic()
        let peers = (0..<many).map { _ in subscribe(scene, topic) }
        publish(scene, topic, 1)
        scene.loop.runTurn(waitMs: 0)
        #expect(output(scene, of: peers[0].id) == "1;")
        #expect(output(scene, of: peers[many - 1].id) == "")
        #expect(scene.edge { $0.isBehind(peers[many - 1].node) })
        #expect(!scene.edge { $0.isBehind(peers[0].node) })
        publish(scene, topic, 2)
        #expect(scene.edge { $0.isBehind(peers[0].node) })
        // The loop does not wait in between: a turn with something left to do does not rest.
        for _ in 0..<5 { scene.loop.runTurn(waitMs: 60_000) }
        for peer in peers { #expect(output(scene, of: peer.id) == "1;2;") }
        #expect(!peers.contains { peer in scene.edge { $0.isBehind(peer.node) } })
        #expect(scene.loop.edge.counters.messagesSent == UInt64(2 * many))
    }

    @Test("sockets get what they missed in one send each, in order")
    func sends() {
        let scene = ShardScene { $0.connectionCapacity = 1_024 }
        let topic = scene.loop.edge.makeTopic()
        let peers = (0..<many).map { _ in
            let (peer, id) = scene.stream()
            _ = scene.loop.edge.subscribe(id, to: topic, lane: 0)
            return peer
        }
        let before = scene.loop.edge.counters.sends
        var expected = ""
        for number in 0..<40 {
            let message = "\(number);"
            scene.loop.edge.publish(topic, lane: 0, .chunk, ByteWriter(message))
            expected += message.chunk
            scene.loop.runTurn(waitMs: 0)
        }
        for _ in 0..<5 { scene.loop.runTurn(waitMs: 0) }
        for peer in peers { #expect(peer.read() == expected) }
        // One round takes three turns: so far from 40 sends to each.
        #expect(scene.loop.edge.counters.sends - before < UInt64(many * 20))
    }

    @Test("whoever catches up has everything at once, and nothing twice")
    func catchUp() {
        let scene = scene()
        let topic = scene.loop.edge.makeTopic()
        let peers = (0..<many).map { _ in subscribe(scene, topic) }
        publish(scene, topic, 1)
        scene.loop.edge.catchUp(peers[7].node)
        #expect(output(scene, of: peers[7].id) == "1;")
        publish(scene, topic, 2)
        scene.loop.runTurn(waitMs: 0)
        publish(scene, topic, 3)
        scene.loop.edge.catchUp(peers[many - 1].node)
        #expect(output(scene, of: peers[many - 1].id) == "1;2;3;")
        for _ in 0..<6 { scene.loop.runTurn(waitMs: 0) }
        for peer in peers { #expect(output(scene, of: peer.id) == "1;2;3;") }
    }

    @Test("messages that may be dropped end it, and go to everybody first", arguments: [false, true])
    func droppable(_ inAnotherLane: Bool) {
        let scene = scene()
        let topic = scene.loop.edge.makeTopic()
        let peers = (0..<many).map { subscribe(scene, topic, lane: $0 == 0 ? 1 : 0) }
        publish(scene, topic, 1)
        scene.loop.runTurn(waitMs: 0)
        scene.loop.edge.publish(
            topic, lane: inAnotherLane ? 1 : 0, .bare, ByteWriter("2\n"), policy: .dropOldest)
        for _ in 0..<6 { scene.loop.runTurn(waitMs: 0) }
        for (place, peer) in peers.enumerated() {
            let expected = (place == 0 ? "" : "1;") + ((place == 0) == inAnotherLane ? "2;" : "")
            #expect(output(scene, of: peer.id) == expected)
        }
    }

    @Test("coming and going in the midst of it: each gets what was published in its time, in order", arguments: 1...6)
    func property(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let scene = scene()
        let topics = [scene.loop.edge.makeTopic(), scene.loop.edge.makeTopic()]
        struct Peer {
            var id: ConnectionID
            var node: UInt32
            var topic: Int
            var lane: UInt16
            var expected = ""
        }
        var peers: [Peer] = []
        var gone: [Peer] = []
        func join() {
            let topic = Int.random(in: 0..<8, using: &random) == 0 ? 1 : 0
            let lane = UInt16.random(in: 0..<3, using: &random)
            let (id, node) = subscribe(scene, topics[topic], lane: lane)
            peers.append(Peer(id: id, node: node, topic: topic, lane: lane))
        }
        for _ in 0..<400 { join() }
        for number in 0..<3_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0 where peers.count < 450: join()
            case 1 where peers.count > 240:
                let peer = peers.remove(at: Int.random(in: 0..<peers.count, using: &random))
                scene.loop.edge.unsubscribe(peer.node)
                gone.append(peer)
            case 2: scene.loop.edge.catchUp(peers.randomElement(using: &random)!.node)
            case 3, 4, 5: scene.loop.runTurn(waitMs: 0)
            default:
                let topic = Int.random(in: 0..<4, using: &random) == 0 ? 1 : 0
                let lane = UInt16.random(in: 0..<3, using: &random)
                publish(scene, topics[topic], number, lane: lane)
                for place in peers.indices where peers[place].topic == topic && peers[place].lane == lane {
                    peers[place].expected += "\(number);"
                }
            }
        }
        for _ in 0..<10 { scene.loop.runTurn(waitMs: 0) }
        for peer in peers + gone { #expect(output(scene, of: peer.id) == peer.expected) }
    }
}
