import PharosBytes
import PharosEdge
import Testing

@Suite("request bodies, and the connections that bring them")
struct RequestBodyTests {
    private static let chunked = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test(
        "a body in chunks is one body, however it arrives, and what follows is the next request",
        arguments: [1, 5, 999])
    func chunks(_ size: Int) {
        let scene = ShardScene()
        scene.script.onRequest = { id, edge in
            withBytes("ok") { edge.respond(id, status: 200, body: $0) }
        }
        let peer = scene.connect()
        let one = Self.chunked + "5\r\nhello\r\n6;x\r\n world\r\n0\r\nT: 1\r\n\r\n"
        let text = Array((one + "GET /b HTTP/1.1\r\nHost: h\r\n\r\n" + one).utf8)
        for start in stride(from: 0, to: text.count, by: size) {
            peer.send(Array(text[start..<min(start + size, text.count)]))
            scene.loop.runTurn(waitMs: 0)
        }
        scene.run { $0.requests.count == 3 }
        #expect(scene.script.requests.map(\.body) == ["hello world", "", "hello world"])
        #expect(scene.script.requests.map(\.target) == ["/a", "/b", "/a"])
        scene.settle()
        #expect(peer.read().components(separatedBy: "HTTP/1.1 200 OK").count == 4)
    }

    @Test("thousands of pipelined bodies in chunks are served one after the other")
    func pipelined() {
        let scene = ShardScene()
        scene.script.onRequest = { id, edge in
            withBytes("") { edge.respond(id, status: 204, body: $0) }
        }
        let peer = scene.connect()
        var sent = 0
        while sent < 5_000 {
            peer.send(String(repeating: Self.chunked + "1\r\na\r\n0\r\n\r\n", count: 100))
            sent += 100
            scene.run { $0.requests.count == sent }
            _ = peer.read()
        }
        #expect(scene.script.requests.allSatisfy { $0.body == "a" })
    }

    @Test(
        "chunks that cannot be read are 400, too many bytes 413",
        arguments: [
            ("x\r\n", "400"), ("3e9\r\n", "413"), ("1\r\nab", "400"),
            (String(repeating: "1\r\na\r\n", count: 1_001), "413"),
        ])
    func refused(_ body: String, _ status: String) {
        let scene = ShardScene()
        let peer = scene.connect()
        peer.send(Self.chunked)
        scene.settle()
        peer.send(body)
        scene.settle()
        #expect(peer.read().hasPrefix("HTTP/1.1 \(status) "))
        #expect(scene.script.requests.isEmpty)
    }

    @Test("who asks before it sends a body is told to go on, unless the body would be refused")
    func expectContinue() {
        let scene = ShardScene()
        let ask = "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: "
        let peer = scene.connect()
        peer.send(ask + "2\r\n\r\n")
        scene.settle()
        #expect(peer.read() == "HTTP/1.1 100 Continue\r\n\r\n")
        peer.send("{}")
        scene.run { $0.requests.count == 1 }
        // A body that is on its way already needs no word.
        let other = scene.connect()
        other.send(ask + "2\r\n\r\n{")
        scene.settle()
        #expect(other.read() == "")
        let large = scene.connect()
        large.send(ask + "1001\r\n\r\n")
        scene.settle()
        #expect(large.read().hasPrefix("HTTP/1.1 413 "))
        let unknown = scene.connect()
        unknown.send("GET / HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n")
        scene.settle()
        #expect(unknown.read().hasPrefix("HTTP/1.1 417 "))
    }

    @Test("bodies that are arriving share one budget, of which half is for senders with a key")
    func budget() {
        let budget = BodyBudget(limit: 1_000)
        let scene = ShardScene { $0.bodyBudget = budget }
        func send(_ count: Int, key: Bool) -> ScenePeer {
            let peer = scene.connect()
            peer.send(
                "POST / HTTP/1.1\r\nHost: h\r\n\(key ? "X-Key: 1\r\n" : "")Content-Length: 1000\r\n\r\n"
                    + String(repeating: "x", count: count))
            scene.settle()
            return peer
        }
        let first = send(400, key: false)
        #expect(budget.usedBytes == 400)
        #expect(send(200, key: false).read().hasPrefix("HTTP/1.1 503 "))
        let second = send(500, key: true)
        #expect(budget.usedBytes == 900)
        second.send(String(repeating: "x", count: 200))
        scene.settle()
        #expect(second.read().contains("too many request bodies"))
        #expect(budget.usedBytes == 400)
        first.send(String(repeating: "x", count: 600))
        scene.settle()
        #expect(first.read().hasPrefix("HTTP/1.1 503 "))
        #expect(budget.usedBytes == 0)
        let third = send(300, key: false)
        third.close()
        scene.run { _ in budget.usedBytes == 0 }
    }

    @Test("small chunks take the memory of their bytes, not of their lines")
    func smallChunks() {
        let budget = BodyBudget(limit: 100_000)
        let scene = ShardScene { $0.bodyBudget = budget }
        let peer = scene.connect()
        peer.send(Self.chunked)
        for _ in 0..<900 {
            peer.send("1\r\na\r\n")
            scene.loop.runTurn(waitMs: 0)
        }
        peer.send("0\r\n\r\n")
        scene.run { $0.requests.count == 1 }
        #expect(scene.script.requests[0].body.utf8.count == 900)
        #expect(budget.usedBytes == 0)
    }

    @Test("an answer to HEAD says how long it would be, and has no body")
    func head() {
        let scene = ShardScene()
        scene.script.onRequest = { id, edge in
            withBytes("text") { edge.respond(id, status: 200, body: $0) }
        }
        let peer = scene.connect()
        peer.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
        scene.run { $0.requests.count == 2 }
        scene.settle()
        let answers = peer.read().components(separatedBy: "HTTP/1.1 200 OK")
        #expect(answers[1].contains("Content-Length: 4\r\n") && answers[1].hasSuffix("\r\n\r\n"))
        #expect(answers[2].hasSuffix("\r\n\r\ntext"))
    }

    @Test(
        "HTTP/1.0 ends with its answer, unless it asks for more and is told so (RFC 9112, section 9.3)",
        arguments: [("", false), ("Connection: keep-alive\r\n", true), ("Connection: close\r\n", false)])
    func oldVersion(_ field: String, _ stays: Bool) {
        let scene = ShardScene()
        scene.script.onRequest = { id, edge in
            withBytes("text") { edge.respond(id, status: 200, body: $0) }
        }
        let peer = scene.connect()
        peer.send("GET / HTTP/1.0\r\n\(field)\r\n")
        scene.run { $0.requests.count == 1 }
        scene.settle()
        #expect(peer.read().contains("\r\nConnection: \(stays ? "keep-alive" : "close")\r\n"))
        #expect(peer.isEnded == !stays)
    }

    @Test("an offer of another protocol is passed over, and the request is served")
    func upgradeOffer() {
        let scene = ShardScene()
        let peer = scene.connect()
        peer.send(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
        )
        scene.run { $0.requests.count == 1 }
        #expect(scene.script.requests[0].target == "/")
    }

    @Test("a connection in HTTP/2 is told what is spoken here")
    func preface() {
        let scene = ShardScene()
        let peer = scene.connect()
        peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        scene.settle()
        #expect(peer.read().hasPrefix("HTTP/1.1 505 "))
    }

    @Test("when all places are taken, connections that have idled give theirs to new ones")
    func reclaim() {
        for (after, hasRoom) in [(Int64(60_000), false), (0, true)] {
            let scene = ShardScene {
                $0.connectionCapacity = 4
                $0.reclaimAfterMs = after
            }
            let (stream, _) = scene.stream()
            let (waiting, id) = scene.ask("/poll")
            scene.loop.edge.park(id)
            let idle = [scene.connect(), scene.connect()]
            let late = scene.connect()
            // Those that have just come may be about to ask: they keep their places for a moment.
            #expect(late.isEnded == !hasRoom)
            #expect(idle.allSatisfy { $0.isEnded } == hasRoom)
            #expect(scene.loop.edge.counters.reclaimed == (hasRoom ? 2 : 0))
            if hasRoom { _ = scene.ask("/late", over: late) }
            #expect(!stream.isEnded && !waiting.isEnded)
        }
    }
}
