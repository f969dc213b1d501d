import PharosEdge
import Testing

@Suite("Reading that rests")
struct PausedReadingTests {
    /// A client's frame; the mask changes nothing.
    private func masked(_ text: String, opcode: UInt8 = 1) -> [UInt8] {
        [0x80 | opcode, 0x80 | UInt8(text.utf8.count), 0, 0, 0, 0] + Array(text.utf8)
    }

    @Test("what stands behind a message that paused waits, and comes in order", arguments: ScenePeer.Kind.allCases)
    func order(kind: ScenePeer.Kind) {
        let scene = ShardScene()
        scene.script.onMessage = { id, edge in edge.pauseReading(id) }
        let (peer, id) = scene.webSocket(kind)
        peer.send(masked("a") + masked("b") + masked("c"))
        scene.run { $0.messages.count == 1 }
        peer.send(masked("d"))
        scene.settle()
        #expect(scene.script.messages == ["a"])
        for expected in [["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"]] {
            scene.edge { $0.resumeReading(id) }
            scene.run { $0.messages == expected }
            scene.settle()
            #expect(scene.script.messages == expected)
        }
    }

    @Test("bytes that come between the resuming and the next turn stay behind the older ones")
    func newBytes() {
        let scene = ShardScene()
        let script = scene.script
        script.onMessage = { [unowned script] id, edge in if script.messages.count == 1 { edge.pauseReading(id) } }
        let (peer, id) = scene.webSocket()
        peer.send(masked("a") + masked("b") + Array(masked("cd").dropLast()))
        scene.run { $0.messages.count == 1 }
        peer.send(Array(masked("cd").suffix(1)) + masked("e"))
        scene.edge { $0.resumeReading(id) }
        scene.run { $0.messages == ["a", "b", "cd", "e"] }
    }

    @Test("what a peer said before it went is handed on first", arguments: ScenePeer.Kind.allCases)
    func lastMessages(kind: ScenePeer.Kind) {
        let scene = ShardScene()
        let script = scene.script
        script.onMessage = { [unowned script] id, edge in if script.messages.count < 3 { edge.pauseReading(id) } }
        let (peer, id) = scene.webSocket(kind)
        peer.send(masked("a") + masked("b") + masked("c"))
        scene.run { $0.messages.count == 1 }
        peer.closeHalf()
        scene.settle()
        #expect(scene.script.closed.isEmpty)
        scene.edge { $0.resumeReading(id) }
        scene.run { $0.messages.count == 2 }
        scene.edge { $0.resumeReading(id) }
        scene.run { $0.closed == [id] }
        #expect(scene.script.messages == ["a", "b", "c"])
    }

    @Test("closing goes on reading, for the peer's close frame", arguments: ScenePeer.Kind.allCases)
    func closing(kind: ScenePeer.Kind) {
        let scene = ShardScene { $0.closeTimeoutMs = 600_000 }
        scene.script.onMessage = { id, edge in edge.pauseReading(id) }
        let (peer, id) = scene.webSocket(kind)
        peer.send(masked("a") + masked("b"))
        scene.run { $0.messages.count == 1 }
        scene.edge { $0.closeWebSocket(id, code: 1000, reason: "") }
        peer.send([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8])
        scene.run { _ in scene.edge { $0.connectionCount } == 0 }
        #expect(scene.script.messages == ["a"])
    }

    @Test("there is room for a message until the limit of the output")
    func room() {
        let scene = ShardScene { $0.outputLimit = 1_000 }
        let (_, id) = scene.webSocket()
        #expect(scene.edge { $0.hasRoom(id, for: 900) })
        #expect(!scene.edge { $0.hasRoom(id, for: 1_000) })
        withBytes(String(repeating: "x", count: 600)) { bytes in scene.edge { $0.send(id, .text, bytes) } }
        #expect(scene.edge { $0.hasRoom(id, for: 300) })
        #expect(!scene.edge { $0.hasRoom(id, for: 900) })
    }
}
