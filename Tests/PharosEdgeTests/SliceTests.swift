import PharosBytes
import PharosEdge
import Testing

/// The part of a turn that one connection's input may take.
///
/// No clock: turns are run by hand, and what was served is counted.
@Suite("slices of a turn")
struct SliceTests {
    private static let text = String(repeating: "x", count: 100)

    private func frames(_ text: String, _ count: Int) -> [UInt8] {
        Array(repeatElement(Frame(1, text).bytes, count: count).joined())
    }

    /// Runs one turn; how many messages of each connection it served.
    private func served(_ scene: ShardScene) -> [ConnectionID: Int] {
        let before = scene.script.senders.count
        scene.loop.runTurn(waitMs: 0)
        return scene.script.senders[before...].reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    @Test(
        "who sends much is served a slice a turn, and a bystander in the turn in which he comes",
        arguments: ScenePeer.Kind.allCases)
    func bystander(kind: ScenePeer.Kind) {
        let scene = ShardScene { $0.inputSlice = 2_000 }
        let heavy = (0..<5).map { _ in scene.webSocket(kind) }
        let (bystander, id) = scene.webSocket(kind)
        for (peer, _) in heavy { peer.send(frames(Self.text, 300)) }
        bystander.send(Frame(1, "hello").bytes)
        var counts = served(scene)
        #expect(counts[id] == 1)
        for turn in 1...20 {
            // A message of 100 bytes is 164 units at least, and one may go beyond the slice.
            for (_, id) in heavy { #expect(counts[id] ?? 0 <= 13, "turn \(turn)") }
            bystander.send(Frame(1, "hello").bytes)
            counts = served(scene)
            #expect(counts[id] == 1)
        }
        scene.run { $0.messages.count == 5 * 300 + 21 }
    }

    @Test("all messages come, and in order", arguments: ScenePeer.Kind.allCases)
    func order(kind: ScenePeer.Kind) {
        let scene = ShardScene { $0.inputSlice = 500 }
        let (peer, _) = scene.webSocket(kind)
        let texts = (0..<200).map { "message \($0)" }
        let bytes = texts.flatMap { Frame(1, $0).bytes }
        peer.send(Array(bytes[..<1_001]))
        scene.loop.runTurn(waitMs: 0)
        peer.send(Array(bytes[1_001...]))
        scene.run { $0.messages.count == 200 }
        #expect(scene.script.messages == texts)
    }

    @Test("what a compressed message becomes counts")
    func bombs() {
        let scene = ShardScene {
            $0.compression = true
            $0.inputSlice = 65_536
        }
        let (peer, id) = scene.webSocket(offer: "permessage-deflate")
        var compressor = MessageCompressor(level: 1)
        let bomb = withBytes(String(repeating: " ", count: 40_000)) {
            compressor.compress($0, windowBits: 15).map { Array($0) } ?? []
        }
        #expect(bomb.count < 500)
        peer.send(Array(repeatElement(Frame(1, bomb, reserved: 0x40).bytes, count: 50).joined()))
        for _ in 0..<10 { #expect(served(scene)[id] == 2) }
        scene.run { $0.messages.count == 50 }
    }

    @Test("control frames count")
    func pings() {
        let scene = ShardScene { $0.inputSlice = 640 }
        let (peer, _) = scene.webSocket()
        peer.send(Array(repeatElement(Frame(9, "").bytes, count: 100).joined()))
        scene.loop.runTurn(waitMs: 0)
        #expect(peer.readBytes().count == 10 * 2)
        scene.settle()
        #expect(peer.readBytes().count == 3 * 10 * 2)
    }

    @Test("what the handler says that it did counts")
    func handlersWork() {
        let scene = ShardScene { $0.inputSlice = 65_536 }
        scene.script.onMessage = { _, edge in edge.spend(30_000) }
        let (peer, id) = scene.webSocket()
        peer.send(frames("m", 20))
        #expect(served(scene)[id] == 3)
        #expect(served(scene)[id] == 3)
    }

    @Test("all who wait share one part of a turn and take it by turns")
    func roundRobin() {
        let scene = ShardScene {
            $0.inputSlice = 1_000
            $0.backlogSlice = 3_000
        }
        scene.script.onMessage = { _, edge in edge.spend(400) }
        let heavy = (0..<9).map { _ in scene.webSocket() }
        // One read brings more than a hundred messages, of which a slice holds three.
        for (peer, _) in heavy { peer.send(frames("m", 200)) }
        scene.loop.runTurn(waitMs: 0)
        var totals: [ConnectionID: Int] = [:]
        for turn in 0..<30 {
            let counts = served(scene)
            #expect(counts.count <= 3, "turn \(turn)")
            totals.merge(counts) { $0 + $1 }
        }
        let least = totals.values.min() ?? 0
        #expect(totals.count == 9)
        #expect(least > 0)
        #expect((totals.values.max() ?? 0) <= 2 * least)
    }

    @Test("nothing is read of a connection whose input waits", arguments: ScenePeer.Kind.allCases)
    func backPressure(kind: ScenePeer.Kind) {
        let scene = ShardScene { $0.inputSlice = 1_000 }
        let (peer, _) = scene.webSocket(kind)
        peer.send(frames(Self.text, 100))
        scene.run { !$0.messages.isEmpty }
        let read = scene.edge { $0.counters.bytesReceived }
        let before = scene.script.messages.count
        scene.loop.runTurn(waitMs: 0)
        #expect(scene.edge { $0.counters.bytesReceived } == read)
        #expect(scene.script.messages.count > before)
        scene.run { $0.messages.count == 100 }
    }

    @Test("who goes is heard to the end first", arguments: ScenePeer.Kind.allCases)
    func gone(kind: ScenePeer.Kind) {
        let scene = ShardScene { $0.inputSlice = 1_000 }
        let (peer, id) = scene.webSocket(kind)
        peer.send(frames(Self.text, 100))
        peer.closeHalf()
        scene.run { $0.closed == [id] }
        #expect(scene.script.messages.count == 100)
    }

    @Test("whose connection is ended loses the rest, and his place may be another's")
    func ended() {
        let scene = ShardScene { $0.inputSlice = 1_000 }
        let (peer, id) = scene.webSocket()
        peer.send(frames(Self.text, 100))
        scene.loop.runTurn(waitMs: 0)
        let before = scene.script.messages.count
        scene.edge { $0.abort(id) }
        scene.settle()
        let (next, other) = scene.webSocket()
        #expect(other.slot == id.slot)
        next.send(frames("y", 1))
        scene.run { $0.messages.last == "y" }
        #expect(scene.script.messages.count <= before + 13 + 1)
    }

    @Test("a pause counts more than a turn that has come", arguments: ScenePeer.Kind.allCases)
    func paused(kind: ScenePeer.Kind) {
        let scene = ShardScene { $0.inputSlice = 1_000 }
        let (peer, id) = scene.webSocket(kind)
        peer.send(frames(Self.text, 100))
        scene.loop.runTurn(waitMs: 0)
        scene.edge { $0.pauseReading(id) }
        let before = scene.script.messages.count
        scene.settle()
        #expect(scene.script.messages.count == before)
        scene.edge { $0.resumeReading(id) }
        scene.run { $0.messages.count == 100 }
    }

    @Test("requests that stand behind each other are served a slice a turn", arguments: ScenePeer.Kind.allCases)
    func pipelined(kind: ScenePeer.Kind) {
        let scene = ShardScene { $0.inputSlice = 4_096 }
        scene.script.onRequest = { id, edge in withBytes("{}") { edge.respond(id, status: 200, body: $0) } }
        let peer = scene.connect(kind)
        peer.send(String(repeating: "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", count: 100))
        scene.loop.runTurn(waitMs: 0)
        #expect((1...8).contains(scene.script.requests.count))
        scene.loop.runTurn(waitMs: 0)
        #expect((2...16).contains(scene.script.requests.count))
        scene.run { $0.requests.count == 100 }
        scene.settle()
        #expect(peer.read().components(separatedBy: "HTTP/1.1 200 OK").count == 101)
    }

    @Test("while a close frame is awaited messages are not even decompressed", arguments: ScenePeer.Kind.allCases)
    func closing(kind: ScenePeer.Kind) {
        let scene = ShardScene {
            $0.compression = true
            $0.closeTimeoutMs = 600_000
        }
        let (peer, id) = scene.webSocket(kind, offer: "permessage-deflate")
        scene.edge { $0.closeWebSocket(id, code: 1000, reason: "") }
        // It would not decompress, and so would end the connection.
        let broken = Frame(1, [0x06, 0xFF, 0xFF], reserved: 0x40).bytes
        let inPieces = Frame(1, [0x06], isFinal: false, reserved: 0x40).bytes + Frame(0, [0xFF]).bytes
        peer.send(broken + inPieces)
        scene.settle()
        peer.send(inPieces + broken)
        scene.settle()
        #expect(scene.edge { $0.connectionCount } == 1)
        peer.send(Frame(8, [0x03, 0xE8]).bytes)
        scene.run { _ in scene.edge { $0.connectionCount } == 0 }
    }
}

@Suite("fair queue")
struct FIFOTests {
    @Test("first in, first out, however many come and go")
    func order() {
        var queue = FIFO<Int>()
        var expected = 0
        for number in 0..<10_000 {
            queue.append(number)
            if number % 3 == 0 { continue }
            #expect(queue.popFirst() == expected)
            expected += 1
        }
        #expect(queue.count == 10_000 - expected)
        while let next = queue.popFirst() {
            #expect(next == expected)
            expected += 1
        }
        #expect(queue.isEmpty)
        #expect(expected == 10_000)
    }
}
