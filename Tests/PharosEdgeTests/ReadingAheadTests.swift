import PharosBytes
import PharosEdge
import Testing

/// Pipelined requests that are handed on before earlier ones are answered.
@Suite("reading ahead")
struct ReadingAheadTests {
    /// A handler that takes all requests but `/alone` ahead, and keeps their tickets.
    private final class Reader {
        let scene: ShardScene
        var tickets: [AnswerTicket] = []

        init(_ change: (inout EdgeConfiguration) -> Void = { _ in }) {
            scene = ShardScene(change)
            scene.script.readsAhead = { $0 != "/alone" }
            scene.script.onRequest = { [unowned self] id, edge in
                if scene.script.requests.last!.target != "/alone" { edge.allowReadingAhead(id) }
                tickets.append(edge.answerTicket(of: id))
            }
        }

        var targets: [String] { scene.script.requests.map(\.target) }

        func answer(_ index: Int) {
            let ticket = tickets[index]
            ByteWriter(targets[index]).withBytes { scene.loop.edge.respond(ticket, status: 200, body: $0) }
        }
    }

    private func request(_ target: String, _ fields: String = "", body: String = "x") -> String {
        "POST \(target) HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
    }

    /// The bodies of the answers that have come.
    private func bodies(_ peer: ScenePeer) -> [String] {
        peer.read().split(separator: "HTTP/1.1 200 OK").map { String($0.split(separator: "\r\n\r\n").last ?? "") }
    }

    @Test("answers leave in the order of the requests", arguments: ScenePeer.Kind.allCases)
    func order(_ kind: ScenePeer.Kind) {
        let reader = Reader()
        let peer = reader.scene.connect(kind)
        peer.send((1...4).map { request("/\($0)") }.joined())
        reader.scene.run { $0.requests.count == 4 }
        for index in [3, 1, 2] { reader.answer(index) }
        reader.scene.settle()
        #expect(bodies(peer) == [])
        reader.answer(0)
        reader.scene.settle()
        #expect(bodies(peer) == ["/1", "/2", "/3", "/4"])
        // The connection goes on as before.
        peer.send(request("/5"))
        reader.scene.run { $0.requests.count == 5 }
        reader.answer(4)
        reader.scene.settle()
        #expect(bodies(peer) == ["/5"])
    }

    @Test("a request that arrives in pieces waits until the others are answered, wherever it is cut")
    func pieces() {
        let whole = request("/3", body: "body")
        for cut in 1..<whole.utf8.count {
            let reader = Reader()
            let peer = reader.scene.connect()
            let text = Array(whole.utf8)
            peer.send(request("/1") + request("/2") + String(decoding: text[..<cut], as: UTF8.self))
            reader.scene.run { $0.requests.count == 2 }
            peer.send(String(decoding: text[cut...], as: UTF8.self))
            reader.scene.settle()
            #expect(reader.targets == ["/1", "/2"])
            reader.answer(1)
            reader.answer(0)
            reader.scene.run { $0.requests.count == 3 }
            #expect(reader.scene.script.requests[2].body == "body")
            reader.answer(2)
            reader.scene.settle()
            #expect(bodies(peer) == ["/1", "/2", "/3"], "cut at \(cut)")
        }
    }

    @Test(
        "a request of another kind waits for all before it, and so does what follows",
        arguments: [
            "POST /alone HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx",
            "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n",
            "POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nx",
            "POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
            "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n",
            "malformed\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ])
    func others(_ other: String) {
        let reader = Reader()
        let peer = reader.scene.connect()
        peer.send(request("/1") + request("/2") + other)
        reader.scene.run { $0.requests.count == 2 }
        reader.scene.settle()
        #expect(reader.targets == ["/1", "/2"])
        #expect(peer.read() == "")
        reader.answer(1)
        reader.answer(0)
        reader.scene.settle()
        let answers = peer.read()
        let first = answers.firstRange(of: "/1")
        let second = answers.firstRange(of: "/2")
        #expect(first != nil && second != nil && first!.lowerBound < second!.lowerBound)
        // Now it is heard, or refused, behind them.
        if let later = answers.firstRange(of: "HTTP/1.1 4") ?? answers.firstRange(of: "HTTP/1.1 5") {
            #expect(later.lowerBound > second!.lowerBound)
        } else if !other.contains("100-continue") {
            #expect(reader.targets.count == 3)
        }
    }

    @Test("no more than a fixed number waits for answers")
    func limit() {
        let reader = Reader()
        let peer = reader.scene.connect()
        peer.send((1...100).map { request("/\($0)") }.joined())
        reader.scene.run { $0.requests.count >= 64 }
        reader.scene.settle()
        #expect(reader.tickets.count == 64)
        for index in 0..<64 { reader.answer(index) }
        reader.scene.run { $0.requests.count == 100 }
        for index in 64..<100 { reader.answer(index) }
        reader.scene.settle()
        #expect(bodies(peer) == (1...100).map { "/\($0)" })
    }

    @Test("a second answer to a request is none")
    func twice() {
        let reader = Reader()
        let peer = reader.scene.connect()
        peer.send(request("/1") + request("/2"))
        reader.scene.run { $0.requests.count == 2 }
        reader.answer(1)
        reader.answer(1)
        reader.answer(0)
        reader.answer(0)
        reader.scene.settle()
        #expect(bodies(peer) == ["/1", "/2"])
    }

    @Test("a peer that goes leaves nothing, and late answers go nowhere")
    func gone() {
        let reader = Reader()
        let peer = reader.scene.connect()
        peer.send(request("/1") + request("/2"))
        reader.scene.run { $0.requests.count == 2 }
        peer.close()
        reader.answer(1)
        reader.answer(0)
        reader.scene.settle()
        #expect(reader.scene.edge { $0.connectionCount } == 0)
        let next = reader.scene.connect()
        next.send(request("/3"))
        reader.scene.run { $0.requests.count == 3 }
        reader.answer(0)
        reader.answer(2)
        reader.scene.settle()
        #expect(bodies(next) == ["/3"])
    }

    @Test("answers within the request are in order as well")
    func atOnce() {
        let reader = Reader()
        let scene = reader.scene
        scene.script.onRequest = { [unowned reader] id, edge in
            edge.allowReadingAhead(id)
            reader.tickets.append(edge.answerTicket(of: id))
            func answer(_ index: Int) {
                ByteWriter("/\(index + 1)").withBytes { edge.respond(reader.tickets[index], status: 200, body: $0) }
            }
            // The second answers the first as well; the third and the fifth are answered at once, the fourth later.
            switch reader.tickets.count {
            case 2:
                answer(1)
                answer(0)
            case 3, 5: answer(reader.tickets.count - 1)
            default: break
            }
        }
        let peer = scene.connect()
        peer.send((1...5).map { request("/\($0)") }.joined())
        scene.run { $0.requests.count == 5 }
        scene.settle()
        #expect(bodies(peer) == ["/1", "/2", "/3"])
        reader.answer(3)
        scene.settle()
        #expect(bodies(peer) == ["/4", "/5"])
    }
}
