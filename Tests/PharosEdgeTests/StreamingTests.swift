import PharosBytes
import PharosEdge
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite("streaming answers")
struct StreamingTests {
    @Test("a stream has a head, chunks in order, and a last chunk", arguments: ScenePeer.Kind.allCases)
    func wholeStream(_ kind: ScenePeer.Kind) {
        let scene = ShardScene()
        let (peer, id) = scene.ask("/stream", kind)
        scene.loop.edge.beginStream(id, head: ByteWriter("Content-Type: text/event-stream\r\n"))
        scene.loop.edge.send(id, .chunk, ByteWriter("one"))
        scene.settle()
        let head = peer.read()
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nDate: "))
        #expect(head.contains("\r\nTransfer-Encoding: chunked\r\n"))
        #expect(head.contains("\r\nConnection: close\r\n"))
        #expect(head.hasSuffix("\r\n\r\n" + "one".chunk))
        let long = String(repeating: "x", count: 70_000)
        scene.loop.edge.send(id, .chunk, ByteWriter(long))
        scene.loop.edge.send(id, .chunk, ByteWriter(""))
        scene.loop.edge.send(id, .chunk, ByteWriter("last"))
        scene.settle()
        #expect(peer.read() == long.chunk + "last".chunk)
        scene.loop.edge.endStream(id)
        scene.settle()
        #expect(peer.read() == "0\r\n\r\n")
        #expect(peer.isEnded)
        #expect(scene.script.closed.isEmpty)
        peer.close()
        scene.run { _ in scene.loop.edge.connectionCount == 0 }
    }

    @Test(
        "a peer that goes during a stream, wholly or by half, is told of", arguments: ScenePeer.Kind.allCases,
        [false, true])
    func peerGoes(_ kind: ScenePeer.Kind, byHalf: Bool) {
        let scene = ShardScene()
        let (peer, id) = scene.stream(kind)
        if byHalf { peer.closeHalf() } else { peer.close() }
        scene.run { $0.closed == [id] }
        #expect(!scene.edge { $0.isOpen(id) })
        #expect(scene.loop.edge.connectionCount == 0)
    }

    @Test("a reset connection is told of once")
    func reset() {
        let scene = ShardScene()
        let (peer, id) = scene.stream(buffer: 4_096)
        for _ in 0..<40 { scene.loop.edge.send(id, .chunk, ByteWriter(String(repeating: "x", count: 1_000))) }
        scene.settle()
        peer.close()
        scene.run { !$0.closed.isEmpty }
        scene.settle()
        #expect(scene.script.closed == [id])
    }

    @Test("what is sent during a stream is ignored up to a bound", arguments: ScenePeer.Kind.allCases)
    func input(_ kind: ScenePeer.Kind) {
        let scene = ShardScene()
        let (peer, id) = scene.stream(kind)
        peer.send("GET /more HTTP/1.1\r\nHost: h\r\n\r\n")
        scene.settle()
        #expect(scene.edge { $0.isOpen(id) })
        #expect(scene.script.requests.count == 1)
        for _ in 0..<17 { peer.send([UInt8](repeating: 0, count: 1_000)) }
        scene.run { $0.closed == [id] }
    }

    @Test("a request pipelined behind a stream's, at once or while it waits, is ignored", arguments: [false, true])
    func pipelined(atOnce: Bool) {
        let scene = ShardScene()
        let request = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
        if atOnce { scene.script.onRequest = { $1.beginStream($0, head: ByteWriter("")) } }
        let peer = scene.connect()
        peer.send(request + request)
        scene.run { $0.requests.count == 1 }
        let id = scene.script.requests[0].id
        scene.settle()
        if !atOnce { scene.loop.edge.beginStream(id, head: ByteWriter("")) }
        peer.send(request)
        scene.loop.edge.send(id, .chunk, ByteWriter("still there"))
        scene.settle()
        #expect(peer.read().hasSuffix("still there".chunk))
        #expect(scene.script.requests.count == 1)
        peer.close()
        scene.run { $0.closed == [id] }
    }

    @Test("a stream's timer is the handler's")
    func timer() {
        let scene = ShardScene()
        let (peer, id) = scene.stream()
        scene.loop.edge.setTimer(id, atMs: scene.loop.edge.nowMs)
        scene.run { $0.timers == [id] }
        #expect(!peer.isEnded)
    }

    @Test("a reader that stands still becomes slow, and its stream ends with what had begun and the last chunk")
    func slow() {
        let scene = ShardScene { $0.outputLimit = 50_000 }
        scene.script.onSlow = { $1.endStream($0, dropsQueue: true) }
        let (peer, id) = scene.stream(buffer: 8_192)
        let topic = scene.loop.edge.makeTopic()
        let node = scene.loop.edge.subscribe(id, to: topic, lane: 9)
        var sent = 0
        while scene.script.slow.isEmpty, sent < 1_000 {
            scene.loop.edge.publish(topic, lane: 9, .chunk, ByteWriter(String(repeating: "y", count: 4_000)))
            scene.loop.runTurn(waitMs: 0)
            sent += 1
        }
        #expect(scene.script.slow == [id])
        scene.loop.edge.unsubscribe(node)
        var text = ""
        scene.run { _ in
            text += peer.read()
            return peer.isEnded
        }
        text += peer.read()
        let chunk = String(repeating: "y", count: 4_000).chunk
        #expect(text.hasSuffix("0\r\n\r\n"))
        let whole = text.utf8.dropLast(5)
        #expect(whole.count % chunk.utf8.count == 0)
        #expect(whole.count / chunk.utf8.count < sent)
    }

    @Test("a stream that is ended in the turn in which it began keeps its head")
    func endedAtOnce() {
        let scene = ShardScene()
        let (peer, id) = scene.ask("/stream")
        scene.loop.edge.beginStream(id, head: ByteWriter(""))
        scene.loop.edge.endStream(id, dropsQueue: true)
        scene.settle()
        let text = peer.read()
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(text.hasSuffix("\r\n\r\n0\r\n\r\n"))
    }

    @Test("a stream for HTTP/1.0 goes without chunks, and ends with its connection")
    func oldVersion() throws {
        let scene = ShardScene()
        let peer = scene.connect()
        peer.send("GET /stream HTTP/1.0\r\n\r\n")
        scene.run { $0.requests.count == 1 }
        let id = scene.script.requests[0].id
        #expect(scene.edge { $0.isUnchunked(id) })
        scene.loop.edge.beginStream(id, head: ByteWriter("Content-Type: text/plain\r\n"))
        scene.loop.edge.send(id, .chunk, ByteWriter("one "))
        scene.loop.edge.endStream(id)
        scene.settle()
        let text = peer.read()
        #expect(!text.contains("Transfer-Encoding"))
        #expect(text.contains("\r\nConnection: close\r\n"))
        #expect(text.hasSuffix("\r\n\r\none "))
        scene.run { _ in peer.isEnded }
    }

    @Test("WebSockets and streams are what is open; parked and detached ones are listed by themselves")
    func lists() {
        let scene = ShardScene()
        let (_webSocket, first) = scene.webSocket()
        let (_stream, second) = scene.stream()
        let (_parked, third) = scene.ask("/poll")
        scene.loop.edge.park(third)
        let detached = scene.loop.edge.makeDetached()
        var open: [ConnectionID] = []
        var parked: [ConnectionID] = []
        var kept: [ConnectionID] = []
        scene.loop.edge.forEachOpen { open.append($0) }
        scene.loop.edge.forEachParked { parked.append($0) }
        scene.loop.edge.forEachDetached { kept.append($0) }
        #expect(open == [first, second])
        #expect(parked == [third])
        #expect(kept == [detached])
        #expect(scene.loop.edge.connectionCount == 3)
        _ = (_webSocket, _stream, _parked)
    }
}
