import PharosBytes
import PharosEdge
import PharosHTTP2
import Testing

@Suite("requests over HTTP/2")
struct HTTP2RequestTests {
    @Test("the preface is answered with settings, among them that WebSockets may be opened")
    func preface() {
        let scene = ShardScene.http2()
        let peer = HTTP2Peer(scene.connect())
        peer.begin()
        scene.settle()
        let frames = peer.frames()
        #expect(frames.first?.kind == .settings)
        #expect(frames.first.map { $0.payload.count % 6 == 0 && $0.flags == 0 } == true)
        let settings = frames.first?.payload ?? []
        let pairs = stride(from: 0, to: settings.count, by: 6).map { Array(settings[$0..<$0 + 6]) }
        #expect(pairs.contains(HTTP2Peer.payload([(3, 128)])))
        #expect(pairs.contains(HTTP2Peer.payload([(8, 1)])))
        #expect(frames.contains { $0.kind == .settings && $0.flags == HTTP2Frame.ack })
        #expect(scene.edge { $0.http2ConnectionCount } == 1)
        #expect(scene.loop.edge.connectionCount == 1)
    }

    @Test("a request is handed on like any other, and its answer ends the stream")
    func answer() {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        let (stream, id) = scene.ask("/a?b=c", over: peer)
        #expect(scene.script.requests[0].target == "/a?b=c")
        withBytes("hello") { scene.loop.edge.respond(id, status: 200, body: $0) }
        scene.settle()
        let frames = peer.answers()
        #expect(frames.map(\.kind) == [.headers, .data])
        #expect(frames[0].isOK && !frames[0].isLast)
        #expect(frames[1] == HTTP2Frame(kind: .data, flags: 1, stream: stream, payload: Array("hello".utf8)))
        #expect(!scene.edge { $0.isOpen(id) })
        #expect(scene.edge { $0.http2StreamCount } == 0)
        #expect(scene.script.closed.isEmpty)
    }

    @Test("an answer without a body ends with its head")
    func emptyAnswer() {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        let (_, id) = scene.ask("/", over: peer)
        withBytes("") { scene.loop.edge.respond(id, status: 204, body: $0) }
        scene.settle()
        let frames = peer.answers()
        #expect(frames.map(\.kind) == [.headers])
        #expect(frames.first?.isLast == true)
    }

    @Test("requests are answered in any order")
    func anyOrder() {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        let (first, firstID) = scene.ask("/1", over: peer)
        let (second, secondID) = scene.ask("/2", over: peer)
        withBytes("two") { scene.loop.edge.respond(secondID, status: 200, body: $0) }
        scene.settle()
        withBytes("one") { scene.loop.edge.respond(firstID, status: 200, body: $0) }
        scene.settle()
        let bodies = peer.answers().filter { $0.kind == .data }
        #expect(bodies.map(\.stream) == [second, first])
        #expect(bodies.map(\.text) == ["two", "one"])
    }

    @Test("a body in pieces arrives whole, and a prepared answer reaches streams and sockets")
    func bodies() {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        let stream = peer.ask("/upload", method: "POST", hasBody: true)
        peer.data(stream, "one ")
        scene.settle()
        #expect(scene.script.requests.isEmpty)
        peer.data(stream, "two", isLast: true)
        scene.run { $0.requests.count == 1 }
        #expect(scene.script.requests[0].body == "one two")
        let prepared = withBytes("same") { scene.loop.edge.prepareResponse(status: 200, body: $0) }
        scene.loop.edge.respond(scene.script.requests[0].id, prepared)
        scene.settle()
        #expect(peer.answers().last?.text == "same")
    }

    @Test("a body beyond the limit is refused, and the rest of it is not waited for", arguments: [true, false])
    func bodyTooLarge(isAnnounced: Bool) {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        let fields = isAnnounced ? [("content-length", "1001")] : []
        let stream = peer.ask("/upload", method: "POST", fields: fields, hasBody: true)
        if !isAnnounced {
            peer.data(stream, [UInt8](repeating: 120, count: 600))
            peer.data(stream, [UInt8](repeating: 120, count: 401))
        }
        scene.settle()
        let frames = peer.answers()
        #expect(frames.map(\.kind) == [.headers, .data, .reset])
        #expect(frames[1].text.contains("413") && frames[1].isLast)
        #expect(frames[2].number == 0)
        #expect(scene.script.requests.isEmpty)
        #expect(scene.edge { $0.http2StreamCount } == 0)
    }

    @Test("a decision that comes later finds head and body")
    func laterDecision() {
        let scene = ShardScene.http2()
        let script = scene.script
        // The script holds this closure.
        scene.script.onHead = { [unowned script] _, _ in script.heads.count == 1 ? .later(timeoutMs: 60_000) : nil }
        let peer = scene.http2()
        let stream = peer.ask("/later", method: "POST", hasBody: true)
        peer.data(stream, "early", isLast: true)
        scene.run { !$0.heads.isEmpty }
        scene.settle()
        #expect(scene.script.requests.isEmpty)
        scene.loop.edge.resumeHead(scene.script.heads[0])
        scene.run { $0.requests.count == 1 }
        #expect(scene.script.requests[0].body == "early")
    }

    @Test("a head that is too long is told so, and the connection stays")
    func longHead() {
        var limits = HTTP2Limits()
        limits.headSizeLimit = 1_024
        let scene = ShardScene.http2(limits)
        let peer = scene.http2()
        peer.ask("/", fields: [("x-long", String(repeating: "x", count: 1_100))])
        scene.settle()
        #expect(peer.answers().contains { $0.text.contains("431") })
        let (_, id) = scene.ask("/next", over: peer)
        #expect(scene.edge { $0.isOpen(id) })
    }

    @Test("cookies that come apart are one field, and the authority is the host")
    func fields() {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        var seen: [String: String] = [:]
        scene.script.onHeadText = { head in
            head.forEachHeader { seen[String(decoding: $0, as: UTF8.self)] = String(decoding: $1, as: UTF8.self) }
        }
        peer.ask("/", fields: [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("host", "h")])
        scene.run { $0.requests.count == 1 }
        #expect(seen == ["host": "h", "cookie": "a=1; b=2", "x": "y"])
    }

    @Test("two different hosts are refused")
    func twoHosts() {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        peer.ask("/", fields: [("host", "other")])
        scene.settle()
        #expect(peer.answers().contains { $0.text.contains("400") })
        #expect(scene.script.requests.isEmpty)
    }

    @Test("a preface behind a request, or where HTTP/2 is off, is told what is spoken here", arguments: [true, false])
    func latePreface(isOn: Bool) {
        let scene = isOn ? ShardScene.http2() : ShardScene()
        let peer = scene.connect()
        if isOn {
            let id = scene.ask("/", over: peer)
            withBytes("") { scene.loop.edge.respond(id, status: 200, body: $0) }
            scene.settle()
            _ = peer.read()
        }
        peer.send(HTTP2Peer.preface)
        scene.settle()
        #expect(peer.read().hasPrefix("HTTP/1.1 505 "))
        #expect(scene.edge { $0.http2ConnectionCount } == 0)
    }

    @Test("a preface in two pieces, and one behind TLS that did not agree on it")
    func pieces() {
        let scene = ShardScene.http2()
        let peer = HTTP2Peer(scene.connect())
        peer.peer.send(String(HTTP2Peer.preface.prefix(10)))
        scene.settle()
        peer.peer.send(String(HTTP2Peer.preface.dropFirst(10)))
        peer.send(HTTP2Frame(kind: .settings))
        scene.settle()
        #expect(peer.frames().first?.kind == .settings)
        let secure = scene.connect(.tls)
        secure.send(HTTP2Peer.preface)
        scene.settle()
        #expect(secure.read().hasPrefix("HTTP/1.1 505 "))
    }

    @Test("a client that goes takes its streams with it")
    func clientGoes() {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        let (_, parked) = scene.ask("/parked", over: peer)
        scene.loop.edge.park(parked)
        let (_, stream) = scene.ask("/stream", over: peer)
        scene.loop.edge.beginStream(stream, head: ByteWriter("Content-Type: text/plain\r\n"))
        let (_, webSocket) = scene.webSocket(over: peer)
        peer.peer.close()
        scene.run { $0.closed.count == 3 }
        #expect(Set(scene.script.closed) == [parked, stream, webSocket])
        #expect(scene.loop.edge.connectionCount == 0)
        #expect(scene.edge { $0.http2StreamCount } == 0)
    }

    @Test("a request that is reset ends its connection alone")
    func resetRequest() {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        let (stream, id) = scene.ask("/parked", over: peer)
        scene.loop.edge.park(id)
        let (_, other) = scene.ask("/other", over: peer)
        peer.reset(stream)
        scene.run { $0.closed == [id] }
        #expect(scene.edge { $0.isOpen(other) })
        #expect(scene.edge { $0.http2Resets } == 1)
    }
}
