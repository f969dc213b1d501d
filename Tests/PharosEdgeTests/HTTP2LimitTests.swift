import PharosBytes
import PharosEdge
import PharosHTTP2
import Testing

@Suite("limits of HTTP/2")
struct HTTP2LimitTests {
    private static let calm: UInt32 = 11

    private static let limits: HTTP2Limits = {
        var limits = HTTP2Limits()
        limits.maxStreams = 4
        limits.maxResets = 20
        limits.maxControlFrames = 100
        return limits
    }()

    /// The last frame says why the connection ended, and it has ended.
    private func expectEnd(
        _ scene: ShardScene, _ peer: HTTP2Peer, code: UInt32, _ end: HTTP2End,
        _ location: SourceLocation = #_sourceLocation
    ) {
        scene.settle()
        let goAway = peer.frames().last { $0.kind == .goAway }
        #expect(goAway.map { Array($0.payload[4..<8]) } == code.networkBytes, sourceLocation: location)
        #expect(peer.peer.isEnded, sourceLocation: location)
        #expect(scene.loop.edge.counters.http2Ended[Int(end.rawValue)] == 1, sourceLocation: location)
        peer.peer.close()
        scene.run { _ in scene.edge { $0.http2ConnectionCount } == 0 }
    }

    @Test("more streams than allowed are refused, and others go on")
    func tooManyStreams() {
        let scene = ShardScene.http2(Self.limits)
        let peer = scene.http2()
        for number in 0..<4 { scene.loop.edge.park(scene.ask("/\(number)", over: peer).id) }
        let refused = peer.ask("/refused")
        scene.settle()
        #expect(peer.answers() == [HTTP2Frame(kind: .reset, stream: refused, payload: UInt32(7).networkBytes)])
        #expect(scene.script.requests.count == 4)
        #expect(scene.edge { $0.http2Refused } == 1)
    }

    @Test("streams that are reset as soon as they are asked for are not served, and too many end the connection")
    func rapidReset() {
        let scene = ShardScene.http2(Self.limits)
        let peer = scene.http2()
        peer.together { for _ in 0..<20 { peer.reset(peer.ask("/")) } }
        scene.settle()
        #expect(scene.script.requests.count + Int(scene.edge { $0.http2Withdrawn }) == 20)
        #expect(scene.edge { $0.http2Withdrawn } > 0)
        #expect(scene.edge { $0.http2StreamCount } == 0)
        // More than come back meanwhile.
        peer.together { for _ in 0..<100 { peer.reset(peer.ask("/")) } }
        expectEnd(scene, peer, code: Self.calm, .resetFlood)
    }

    @Test("streams that the client's errors have us reset count too")
    func madeResets() {
        let scene = ShardScene.http2(Self.limits)
        let peer = scene.http2()
        // Such a field has no place in HTTP/2 (RFC 9113, section 8.2.2).
        peer.together { for _ in 0..<100 { peer.ask("/", fields: [("connection", "close")]) } }
        expectEnd(scene, peer, code: Self.calm, .resetFlood)
    }

    enum Flood: CaseIterable { case pings, settings, priorities, emptyData }

    @Test("frames that bring nothing are borne up to a number", arguments: Flood.allCases)
    func controlFlood(_ flood: Flood) {
        let scene = ShardScene.http2(Self.limits)
        let peer = scene.http2()
        var stream: UInt32 = 0
        if flood == .emptyData {
            stream = peer.ask("/upload", method: "POST", hasBody: true)
            scene.settle()
        }
        peer.together {
            for _ in 0..<300 {
                switch flood {
                case .pings: peer.send(HTTP2Frame(kind: .ping, payload: [1, 2, 3, 4, 5, 6, 7, 8]))
                case .settings: peer.send(HTTP2Frame(kind: .settings))
                case .priorities: peer.send(HTTP2Frame(kind: .priority, stream: 1, payload: [0, 0, 0, 3, 1]))
                case .emptyData: peer.data(stream, "")
                }
            }
        }
        expectEnd(scene, peer, code: Self.calm, .controlFlood)
    }

    @Test("pings are answered")
    func ping() {
        let scene = ShardScene.http2(Self.limits)
        let peer = scene.http2()
        let ping = HTTP2Frame(kind: .ping, payload: [1, 2, 3, 4, 5, 6, 7, 8])
        peer.send(ping)
        scene.settle()
        #expect(peer.answers() == [HTTP2Frame(kind: .ping, flags: HTTP2Frame.ack, payload: ping.payload)])
    }

    @Test("a head in very many pieces ends the connection")
    func continuationFlood() {
        let scene = ShardScene.http2(Self.limits)
        let peer = scene.http2()
        let block = HTTP2Peer.block([(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "h")])
        peer.send(HTTP2Frame(kind: .headers, flags: HTTP2Frame.endStream, stream: 1, payload: block))
        for _ in 0..<20 {
            peer.send(HTTP2Frame(kind: .continuation, stream: 1, payload: HTTP2Peer.block([("x", "y")])))
        }
        expectEnd(scene, peer, code: Self.calm, .continuationFlood)
    }

    @Test("few bytes that stand for very many are refused with 431, and cost no more than the limit")
    func compressedBomb() {
        let scene = ShardScene.http2(Self.limits)
        let peer = scene.http2()
        let pseudo = HTTP2Peer.block([
            (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "h"),
        ])
        // One field that the table keeps, then named again by one byte each.
        let kept: [UInt8] = [0x40] + HTTP2Peer.block([("x-bomb", String(repeating: "x", count: 3_000))]).dropFirst()
        let bomb: [UInt8] = pseudo + kept + [UInt8](repeating: 0xbe, count: 10)
        peer.send(HTTP2Frame(kind: .headers, flags: 5, stream: 1, payload: bomb))
        scene.settle()
        #expect(peer.answers().contains { $0.text.contains("431") })
        #expect(scene.script.requests.isEmpty)
    }

    @Test("a bomb beyond all measure is reset")
    func largestBomb() {
        let scene = ShardScene.http2(Self.limits)
        let peer = scene.http2()
        let pseudo = HTTP2Peer.block([
            (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "h"),
        ])
        let kept: [UInt8] = [0x40] + HTTP2Peer.block([("x-bomb", String(repeating: "x", count: 3_000))]).dropFirst()
        peer.send(
            HTTP2Frame(
                kind: .headers, flags: 5, stream: 1, payload: pseudo + kept + [UInt8](repeating: 0xbe, count: 12_000)))
        scene.settle()
        #expect(scene.script.requests.isEmpty)
        #expect(peer.answers() == [HTTP2Frame(kind: .reset, stream: 1, payload: Self.calm.networkBytes)])
        // What the tables of both sides hold is the same as before.
        let block = HTTP2Peer.block([(":method", "GET"), (":scheme", "http"), (":path", "/next"), (":authority", "h")])
        peer.send(HTTP2Frame(kind: .headers, flags: 5, stream: 3, payload: block + [0xbe]))
        scene.run { $0.requests.count == 1 }
    }

    enum Mistake: CaseIterable { case length, dataOnZero, badBlock, pushFromClient, evenStream, noPreface }

    @Test("what is no HTTP/2 ends the connection with an error", arguments: Mistake.allCases)
    func mistakes(_ mistake: Mistake) {
        let scene = ShardScene.http2(Self.limits)
        let peer = HTTP2Peer(scene.connect())
        if mistake == .noPreface {
            peer.peer.send(HTTP2Peer.preface)
            peer.send(HTTP2Frame(kind: .ping, payload: [0, 0, 0, 0, 0, 0, 0, 0]))
        } else {
            peer.begin()
        }
        switch mistake {
        case .length: peer.send(HTTP2Frame(kind: .ping, payload: [1]))
        case .dataOnZero: peer.data(0, "x")
        case .badBlock: peer.send(HTTP2Frame(kind: .headers, flags: 5, stream: 1, payload: [0xff, 0xff, 0xff]))
        case .pushFromClient: peer.send(HTTP2Frame(kind: .push, flags: 4, stream: 1, payload: [0, 0, 0, 2]))
        case .evenStream:
            let block = HTTP2Peer.block([(":method", "GET"), (":scheme", "http"), (":path", "/")])
            peer.send(HTTP2Frame(kind: .headers, flags: 5, stream: 2, payload: block))
        case .noPreface: break
        }
        scene.settle()
        let goAway = peer.frames().last { $0.kind == .goAway }
        #expect(goAway != nil)
        #expect(goAway?.payload[4..<8].elementsEqual([0, 0, 0, 0]) == false)
        #expect(peer.peer.isEnded)
        #expect(scene.loop.edge.counters.http2Ended[Int(HTTP2End.protocolError.rawValue)] == 1)
    }

    @Test("fields about the connection make a request malformed, so that nothing is smuggled in them")
    func connectionFields() {
        let scene = ShardScene.http2(Self.limits)
        let peer = scene.http2()
        for field in ["connection", "upgrade", "transfer-encoding"] { peer.ask("/", fields: [(field, "x")]) }
        peer.ask("/", fields: [("x", "a\r\ny: b")])
        scene.settle()
        #expect(peer.answers().allSatisfy { $0.kind == .reset && $0.number == 1 })
        #expect(scene.script.requests.isEmpty)
    }

    @Test("streams of all connections together are bounded")
    func sharedRoom() {
        let scene = ShardScene.http2 { $0.carriedLimit = 2 }
        let peers = [scene.http2(), scene.http2()]
        for peer in peers { scene.loop.edge.park(scene.ask("/", over: peer).id) }
        let refused = peers[0].ask("/")
        scene.settle()
        #expect(peers[0].answers().contains { $0.kind == .reset && $0.stream == refused && $0.number == 7 })
    }

    // MARK: The end

    @Test("a connection without streams ends in its time, with a word")
    func idle() {
        let scene = ShardScene.http2 {
            $0.headTimeoutMs = 60
            $0.idleTimeoutMs = 60
        }
        let peer = scene.http2()
        var frames: [HTTP2Frame] = []
        scene.run { _ in
            frames += peer.frames()
            return peer.peer.isEnded
        }
        frames += peer.frames()
        #expect(frames.last?.kind == .goAway)
        #expect(frames.last?.number == 0)
    }

    @Test("a connection with a stream does not idle")
    func busy() {
        let scene = ShardScene.http2 {
            $0.headTimeoutMs = 60
            $0.idleTimeoutMs = 60
        }
        let peer = scene.http2()
        let (_, id) = scene.ask("/stream", over: peer)
        scene.loop.edge.beginStream(id, head: ByteWriter("Content-Type: text/plain\r\n"))
        for _ in 0..<6 { scene.loop.runTurn(waitMs: 50) }
        #expect(scene.edge { $0.isOpen(id) })
    }

    @Test("at the end clients are asked to go on elsewhere, and what they have begun is served")
    func drain() {
        let scene = ShardScene.http2()
        let peer = scene.http2()
        let (stream, id) = scene.ask("/under-way", over: peer)
        scene.loop.edge.closeIdleRequests()
        scene.settle()
        let notice = peer.answers()
        #expect(notice.map(\.kind) == [.goAway])
        #expect(notice.first?.payload.prefix(4).elementsEqual([0x7f, 0xff, 0xff, 0xff]) == true)
        // It may have been on its way.
        let (late, lateID) = scene.ask("/late", over: peer)
        withBytes("late") { scene.loop.edge.respond(lateID, status: 200, body: $0) }
        var frames: [HTTP2Frame] = []
        scene.run { _ in
            frames += peer.answers()
            return frames.contains { $0.kind == .goAway }
        }
        #expect(frames.last { $0.kind == .goAway }?.payload.prefix(4).elementsEqual(late.networkBytes) == true)
        withBytes("done") { scene.loop.edge.respond(id, status: 200, body: $0) }
        scene.run { _ in
            frames += peer.answers()
            return peer.peer.isEnded
        }
        frames += peer.answers()
        #expect(frames.contains { $0.stream == stream && $0.text == "done" })
        #expect(frames.contains { $0.stream == late && $0.text == "late" })
    }

    @Test("an idle connection makes room for a new one")
    func reclaimed() {
        let scene = ShardScene.http2 {
            $0.connectionCapacity = 1
            $0.detachedLimit = 0
            $0.reclaimAfterMs = 0
        }
        let peer = scene.http2()
        let (_, id) = scene.ask("/", over: scene.http2())
        #expect(scene.edge { $0.isOpen(id) })
        #expect(peer.peer.isEnded)
    }
}
