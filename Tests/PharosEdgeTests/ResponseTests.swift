import PharosBytes
import PharosEdge
import Testing

@Suite("answers to requests")
struct ResponseTests {
    private func respond(_ scene: ShardScene, _ id: ConnectionID, _ status: Int, _ body: String) {
        ByteWriter(body).withBytes { scene.loop.edge.respond(id, status: status, body: $0) }
    }

    @Test("an answer has the type, the further lines and the delay it was given")
    func general() {
        let scene = ShardScene()
        let (peer, id) = scene.ask("/a")
        ByteWriter("X-One: 1\r\nX-Two: 2\r\n").withBytes { headers in
            withBytes("text") {
                scene.loop.edge.respond(
                    id, status: 551, contentType: "text/plain", headers: headers, retryAfter: 7, body: $0)
            }
        }
        scene.settle()
        let answer = peer.read()
        #expect(answer.hasPrefix("HTTP/1.1 551 No New Message\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n"))
        #expect(answer.contains("\r\nRetry-After: 7\r\n"))
        #expect(answer.contains("\r\nX-One: 1\r\nX-Two: 2\r\n"))
        #expect(answer.hasSuffix("\r\n\r\ntext"))
    }

    @Test(
        "each status has its line",
        arguments: [
            (200, "OK"), (405, "Method Not Allowed"), (409, "Conflict"), (551, "No New Message"), (552, "Canceled"),
        ])
    func statusLines(_ status: Int, _ reason: String) {
        let scene = ShardScene()
        let (peer, id) = scene.ask("/a")
        respond(scene, id, status, "{}")
        scene.settle()
        #expect(peer.read().hasPrefix("HTTP/1.1 \(status) \(reason)\r\n"))
    }

    @Test("too many requests are told when to come back, unless the handler says when")
    func retryAfter() {
        let scene = ShardScene()
        let (peer, id) = scene.ask("/a")
        respond(scene, id, 429, "{}")
        scene.settle()
        #expect(peer.read().contains("\r\nRetry-After: 1\r\n"))
    }

    @Test("nothing is said of the type of an empty body")
    func empty() {
        let scene = ShardScene()
        let (peer, id) = scene.ask("/a")
        respond(scene, id, 200, "")
        scene.settle()
        let answer = peer.read()
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"))
        #expect(!answer.contains("Content-Type"))
    }

    @Test("204 has no body, no length and no type, and the connection goes on")
    func noContent() {
        let scene = ShardScene()
        let (peer, id) = scene.ask("/a")
        respond(scene, id, 204, "ignored")
        scene.settle()
        let answer = peer.read()
        #expect(answer.hasPrefix("HTTP/1.1 204 No Content\r\nDate: "))
        #expect(answer.hasSuffix("\r\n\r\n"))
        #expect(!answer.contains("Content-"))
        #expect(scene.ask("/b", over: peer) == id)
    }

    @Test(
        "a parked request is answered later, and what was pipelined behind it follows",
        arguments: ScenePeer.Kind.allCases)
    func parked(_ kind: ScenePeer.Kind) {
        let scene = ShardScene()
        let (peer, id) = scene.ask("/poll", kind)
        scene.loop.edge.park(id)
        peer.send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
        scene.settle()
        #expect(scene.script.requests.count == 1)
        respond(scene, id, 200, "first")
        scene.run { $0.requests.count == 2 }
        #expect(scene.script.requests[1].target == "/next")
        respond(scene, id, 200, "second")
        scene.settle()
        let answers = peer.read()
        #expect(answers.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
        #expect(answers.firstRange(of: "first")!.lowerBound < answers.firstRange(of: "second")!.lowerBound)
        peer.close()
        scene.run { _ in scene.loop.edge.connectionCount == 0 }
        #expect(scene.script.closed.isEmpty)
    }

    @Test(
        "a peer that leaves a parked request is told of, even while nothing is read from it",
        arguments: ScenePeer.Kind.allCases, [false, true])
    func parkedPeerGoes(_ kind: ScenePeer.Kind, isPaused: Bool) {
        let scene = ShardScene()
        let (peer, id) = scene.ask("/poll", kind)
        scene.loop.edge.park(id)
        if isPaused {
            peer.send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
            scene.settle()
            peer.send("GET /unread HTTP/1.1\r\nHost: h\r\n\r\n")
        }
        peer.closeHalf()
        scene.run { $0.closed == [id] }
        #expect(scene.loop.edge.connectionCount == 0)
        respond(scene, id, 200, "too late")
        scene.settle()
    }

    @Test("a parked request's timer is the handler's, and another one's is not")
    func parkedTimer() {
        let scene = ShardScene()
        let (peer, id) = scene.ask("/poll")
        scene.loop.edge.park(id)
        scene.loop.edge.setTimer(id, atMs: scene.loop.edge.nowMs)
        scene.run { $0.timers == [id] }
        respond(scene, id, 551, "{}")
        scene.settle()
        #expect(peer.read().hasPrefix("HTTP/1.1 551 "))
    }

    @Test("one prepared answer serves many, each by its own wish to stay or to close")
    func prepared() {
        let scene = ShardScene()
        let staying = scene.connect()
        let leaving = scene.connect()
        let encrypted = scene.connect(.tls)
        let first = scene.ask("/poll", over: staying)
        let second = scene.ask("/poll", headers: "Connection: close\r\n", over: leaving)
        let third = scene.ask("/poll", headers: "Connection: close\r\n", over: encrypted)
        for id in [first, second, third] { scene.loop.edge.park(id) }
        let response = withBytes("{\"news\":1}") {
            scene.loop.edge.prepareResponse(
                status: 200, headers: UnsafeRawBufferPointer(start: nil, count: 0), body: $0)
        }
        for id in [first, second, third] { scene.loop.edge.respond(id, response) }
        scene.settle()
        let kept = staying.read()
        let lasts = [leaving.read(), encrypted.read()]
        #expect(kept.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(kept.hasSuffix("\r\n\r\n{\"news\":1}"))
        #expect(!kept.contains("Connection:"))
        for last in lasts {
            #expect(last.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(last.contains("\r\nConnection: close\r\n"))
            #expect(last.hasSuffix("\r\n\r\n{\"news\":1}"))
            #expect(last.components(separatedBy: "HTTP/1.1").count == 2)
        }
        #expect(leaving.isEnded)
        #expect(encrypted.isEnded)
        #expect(!staying.isEnded)
        #expect(scene.ask("/poll", over: staying) == first)
        #expect(scene.script.closed.isEmpty)
    }

    @Test("an aborted connection ends without a word to either side")
    func abort() {
        let scene = ShardScene()
        let (peer, id) = scene.ask("/poll")
        scene.loop.edge.park(id)
        scene.loop.edge.abort(id)
        scene.settle()
        #expect(peer.isEnded)
        #expect(peer.read().isEmpty)
        #expect(scene.script.closed.isEmpty)
        #expect(!scene.edge { $0.isOpen(id) })
    }
}

extension String {
    /// The parts between the occurrences of `separator`.
    func components(separatedBy separator: String) -> [Substring] {
        split(separator: separator, omittingEmptySubsequences: false)
    }
}
