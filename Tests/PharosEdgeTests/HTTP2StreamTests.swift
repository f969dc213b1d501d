import PharosBytes
import PharosEdge
import PharosHTTP2
import Testing

@Suite("streams and WebSockets over HTTP/2")
struct HTTP2StreamTests {
    @Test("a stream goes on without chunks until it is ended")
    func stream() {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        let (stream, id) = scene.ask("/stream", over: peer)
        scene.loop.edge.beginStream(id, head: ByteWriter("Content-Type: text/event-stream\r\n"))
        #expect(scene.edge { $0.isUnchunked(id) })
        scene.loop.edge.send(id, .chunk, ByteWriter("one"))
        scene.settle()
        var frames = peer.answers()
        #expect(frames.first?.isOK == true)
        #expect(frames.dropFirst().map(\.text) == ["one"])
        let long = String(repeating: "x", count: 40_000)
        scene.loop.edge.send(id, .chunk, ByteWriter(long))
        scene.settle()
        #expect(peer.answers().map(\.text).joined() == long)
        scene.loop.edge.endStream(id, lastWords: UnsafeRawBufferPointer(start: nil, count: 0))
        scene.settle()
        frames = peer.answers()
        #expect(frames == [HTTP2Frame(kind: .data, flags: 1, stream: stream)])
        #expect(!scene.edge { $0.isOpen(id) })
    }

    @Test("a publication reaches streams and WebSockets of one connection, and those of others")
    func fanOut() {
        let scene = ShardScene.http2()
        let topic = scene.loop.edge.makeTopic()
        let peer = scene.http2()
        var streams: [UInt32] = []
        for _ in 0..<20 {
            let (stream, id) = scene.ask("/stream", over: peer)
            scene.loop.edge.beginStream(id, head: ByteWriter("Content-Type: text/event-stream\r\n"))
            _ = scene.loop.edge.subscribe(id, to: topic, lane: 1)
            streams.append(stream)
        }
        let (webSocketStream, webSocketID) = scene.webSocket(over: peer)
        _ = scene.loop.edge.subscribe(webSocketID, to: topic, lane: 2)
        let (socket, socketID) = scene.webSocket()
        _ = scene.loop.edge.subscribe(socketID, to: topic, lane: 2)
        scene.settle()
        _ = peer.frames()
        let sends = scene.loop.edge.counters.sends
        for text in ["one", "two"] {
            scene.loop.edge.publish(topic, lane: 1, .bare, ByteWriter(text))
            scene.loop.edge.publish(topic, lane: 2, .text, ByteWriter(text))
        }
        scene.settle()
        let frames = peer.answers()
        for stream in streams {
            #expect(frames.filter { $0.stream == stream }.map(\.text).joined() == "onetwo")
        }
        #expect(frames.filter { $0.stream == webSocketStream }.flatMap(\.payload) == frame("one") + frame("two"))
        #expect(socket.readBytes() == frame("one") + frame("two"))
        #expect(scene.loop.edge.counters.sends == sends + 2)
    }

    @Test("a WebSocket is opened by CONNECT, talks, and is closed by either side", arguments: [true, false])
    func webSocket(closedByClient: Bool) {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        let stream = peer.connect("/ws")
        scene.run { $0.opened.count == 1 }
        scene.settle()
        let id = scene.script.opened[0]
        #expect(peer.answers().map(\.isOK) == [true])
        #expect(scene.edge { $0.http2WebSocketCount } == 1)
        peer.data(stream, masked("hello"))
        scene.run { $0.messages == ["hello"] }
        scene.loop.edge.send(id, .text, ByteWriter("hi"))
        scene.settle()
        #expect(peer.answers().map(\.payload) == [frame("hi")])
        if closedByClient {
            peer.data(stream, [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8])
            scene.run { $0.closed == [id] }
            scene.settle()
            let last = peer.answers()
            #expect(last.flatMap(\.payload) == [0x88, 2, 0x03, 0xe8])
            #expect(last.last?.isLast == true)
            peer.data(stream, "", isLast: true)
        } else {
            scene.loop.edge.closeWebSocket(id, code: 3000, reason: "")
            scene.settle()
            #expect(peer.answers().map(\.payload) == [[0x88, 2, 0x0b, 0xb8]])
            peer.data(stream, [0x88, 0x82, 0, 0, 0, 0, 0x0b, 0xb8], isLast: true)
            scene.settle()
            #expect(peer.answers() == [HTTP2Frame(kind: .data, flags: 1, stream: stream)])
            #expect(scene.script.closed.isEmpty)
        }
        scene.run { _ in scene.edge { $0.http2StreamCount } == 0 }
        #expect(scene.edge { $0.http2WebSocketCount } == 0)
        #expect(scene.edge { $0.http2ConnectionCount } == 1)
    }

    @Test("a WebSocket whose client ends or resets the stream has gone", arguments: [true, false])
    func webSocketGoes(isReset: Bool) {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        let (stream, id) = scene.webSocket(over: peer)
        if isReset { peer.reset(stream) } else { peer.data(stream, "", isLast: true) }
        scene.run { $0.closed == [id] }
        scene.settle()
        #expect(peer.answers().map(\.kind) == (isReset ? [] : [.data]))
        #expect(scene.edge { $0.http2StreamCount } == 0)
    }

    @Test("frames that break the protocol of WebSocket end that stream with a close frame")
    func brokenFrames() {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        let (stream, id) = scene.webSocket(over: peer)
        peer.data(stream, frame("unmasked"))
        scene.run { $0.closed == [id] }
        scene.settle()
        let frames = peer.answers()
        #expect(frames.first?.payload.starts(with: [0x88]) == true)
        #expect(frames.contains { $0.isLast && $0.kind == .data })
        #expect(scene.edge { $0.http2ConnectionCount } == 1)
    }

    @Test("another protocol than WebSocket is not opened")
    func otherProtocol() {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        peer.ask("/", method: "CONNECT", fields: [(":protocol", "webtransport")], hasBody: true)
        scene.settle()
        #expect(peer.answers().contains { $0.text.contains("501") })
    }

    // MARK: Windows

    @Test("without a window output waits on its stream alone, and goes on when it opens")
    func closedWindow() {
        let scene = ShardScene.http2()
        let peer = scene.http2([(4, 0)])
        let (stream, id) = scene.ask("/stream", over: peer)
        scene.loop.edge.beginStream(id, head: ByteWriter("Content-Type: text/plain\r\n"))
        scene.loop.edge.send(id, .chunk, ByteWriter("waiting"))
        let (other, otherID) = scene.ask("/other", over: peer)
        peer.open(window: 100, of: other)
        withBytes("served") { scene.loop.edge.respond(otherID, status: 200, body: $0) }
        scene.settle()
        #expect(peer.answers().filter { $0.kind == .data }.map(\.text) == ["served"])
        #expect(scene.edge { $0.hasUnsentOutput(id) })
        peer.open(window: 4, of: stream)
        scene.settle()
        #expect(peer.answers().map(\.text) == ["wait"])
        peer.open(window: 100, of: stream)
        scene.settle()
        #expect(peer.answers().map(\.text) == ["ing"])
        #expect(!scene.edge { $0.hasUnsentOutput(id) })
    }

    @Test("a stream whose window never opens is a slow reader, and so is one that stands still")
    func slowReader() {
        let scene = ShardScene.http2 {
            $0.outputLimit = 10_000
            $0.writeTimeoutMs = 50
            $0.tickIntervalMs = 10
        }
        let peer = scene.http2([(4, 0)])
        let (_, id) = scene.ask("/stream", over: peer)
        scene.loop.edge.beginStream(id, head: ByteWriter("Content-Type: text/plain\r\n"))
        scene.loop.edge.send(id, .chunk, ByteWriter(String(repeating: "x", count: 9_000)))
        scene.settle()
        #expect(scene.script.slow.isEmpty)
        scene.run { $0.stuck == [id] }
        scene.loop.edge.send(id, .chunk, ByteWriter(String(repeating: "x", count: 2_000)))
        scene.settle()
        #expect(scene.script.slow == [id])
        scene.loop.edge.endStream(id, dropsQueue: true)
        scene.run { _ in !scene.edge { $0.isOpen(id) } }
        #expect(peer.answers().contains { $0.kind == .reset && $0.number == 8 })
        #expect(scene.edge { $0.http2ConnectionCount } == 1)
    }

    @Test("answers that a client does not take bound what it may ask")
    func untakenAnswers() {
        let scene = ShardScene.http2 { $0.outputLimit = 10_000 }
        let peer = scene.http2([(4, 0)])
        for number in 0..<2 {
            let (_, id) = scene.ask("/\(number)", over: peer)
            withBytes(String(repeating: "x", count: 6_000)) { scene.loop.edge.respond(id, status: 200, body: $0) }
            scene.settle()
        }
        let refused = peer.ask("/refused")
        scene.settle()
        #expect(peer.answers().contains { $0.kind == .reset && $0.stream == refused && $0.number == 7 })
        #expect(scene.script.requests.count == 2)
    }

    @Test("a paused reader keeps its client waiting: the window is not opened before it reads on")
    func pausedReader() {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        let (stream, id) = scene.webSocket(over: peer)
        scene.loop.edge.pauseReading(id)
        for _ in 0..<8 {
            let long = [0x82, 0xfe, 0x13, 0x88, 0, 0, 0, 0] + [UInt8](repeating: 1, count: 5_000)
            peer.data(stream, long)
            scene.settle()
        }
        #expect(!peer.frames().contains { $0.kind == .windowUpdate && $0.stream == stream })
        #expect(scene.script.messages.isEmpty)
        scene.loop.edge.resumeReading(id)
        scene.run { $0.messages.count == 8 }
        scene.settle()
        let updates = peer.frames().filter { $0.kind == .windowUpdate && $0.stream == stream }
        #expect(updates.map(\.number) == [8 * 5_008])
    }

    @Test("a full socket holds the streams' output back, and all of it arrives in order")
    func fullSocket() {
        let scene = ShardScene.http2()
        let peer = scene.http2([(4, 10_000_000)], buffer: 4_096)
        peer.open(window: 10_000_000, of: 0)
        let (stream, id) = scene.ask("/stream", over: peer)
        scene.loop.edge.beginStream(id, head: ByteWriter("Content-Type: text/plain\r\n"))
        var expected = ""
        for number in 0..<300 {
            let text = "\(number):" + String(repeating: "y", count: 2_000)
            expected += text
            scene.loop.edge.send(id, .chunk, ByteWriter(text))
        }
        var received = ""
        scene.run { _ in
            received += peer.answers().filter { $0.kind == .data && $0.stream == stream }.map(\.text).joined()
            return received.utf8.count == expected.utf8.count
        }
        #expect(received == expected)
        #expect(scene.script.slow.isEmpty)
    }
}
