import PharosEdge
import Testing

@Suite("Decisions about a request that come later")
struct LaterDecisionTests {
    private static let upgrade =
        "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    /// A scene whose first answer about each head is `.later`.
    private func scene(timeoutMs: Int64 = 60_000) -> ShardScene {
        let scene = ShardScene()
        let script = scene.script
        script.onHead = { [unowned script] id, _ in
            script.heads.count { $0 == id } == 1 ? .later(timeoutMs: timeoutMs) : nil
        }
        return scene
    }

    @Test("an upgrade waits for the decision, and its head is the same then", arguments: ScenePeer.Kind.allCases)
    func upgrade(kind: ScenePeer.Kind) {
        let scene = scene()
        let peer = scene.connect(kind)
        peer.send(Self.upgrade + "\r\n")
        scene.run { $0.heads.count == 1 }
        scene.settle()
        #expect(peer.read().isEmpty)
        #expect(scene.script.opened.isEmpty)
        let id = scene.script.heads[0]
        scene.edge { $0.resumeHead(id) }
        scene.run { $0.opened == [id] }
        scene.settle()
        #expect(peer.read().hasPrefix("HTTP/1.1 101 "))
        #expect(scene.script.heads == [id, id])
    }

    @Test("a request's body may come before the decision or after it", arguments: ScenePeer.Kind.allCases)
    func body(kind: ScenePeer.Kind) {
        let scene = scene()
        let peer = scene.connect(kind)
        peer.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab")
        scene.run { $0.heads.count == 1 }
        peer.send("c")
        scene.settle()
        let id = scene.script.heads[0]
        scene.edge { $0.resumeHead(id) }
        scene.settle()
        #expect(scene.script.requests.isEmpty)
        peer.send("d")
        scene.run { $0.requests.count == 1 }
        #expect(scene.script.requests[0].body == "abcd")
    }

    @Test("a subprotocol of the application's own is named in the answer")
    func subprotocol() {
        let scene = ShardScene()
        scene.script.onHead = { _, _ in .webSocket(.init(index: 1, name: "chat.v2")) }
        let peer = scene.connect()
        peer.send(Self.upgrade + "Sec-WebSocket-Protocol: chat.v3, chat.v2\r\n\r\n")
        scene.run { $0.opened.count == 1 }
        scene.settle()
        #expect(peer.read().contains("\r\nSec-WebSocket-Protocol: chat.v2\r\n"))
    }

    @Test("who goes before the decision is told of, and the decision finds nothing", arguments: ScenePeer.Kind.allCases)
    func gone(kind: ScenePeer.Kind) {
        let scene = scene()
        let peer = scene.connect(kind)
        peer.send(Self.upgrade + "\r\n")
        scene.run { $0.heads.count == 1 }
        let id = scene.script.heads[0]
        peer.close()
        scene.run { $0.closed == [id] }
        scene.edge { $0.resumeHead(id) }
        scene.settle()
        #expect(scene.edge { $0.connectionCount } == 0)
        #expect(scene.script.heads.count == 1)
        #expect(scene.script.opened.isEmpty)
    }

    @Test(
        "without a decision the request is refused with 503, and the handler knows", arguments: ScenePeer.Kind.allCases)
    func timeout(kind: ScenePeer.Kind) {
        let scene = scene(timeoutMs: 1)
        let peer = scene.connect(kind)
        peer.send(Self.upgrade + "\r\n")
        scene.run { !$0.closed.isEmpty }
        scene.settle()
        #expect(peer.read().hasPrefix("HTTP/1.1 503 "))
        let id = scene.script.heads[0]
        scene.edge { $0.resumeHead(id) }
        scene.settle()
        #expect(scene.script.heads.count == 1)
    }

    @Test("a refusal after the decision is told as the end, once")
    func refused() {
        let scene = scene()
        let script = scene.script
        script.onHead = { [unowned script] _, _ in
            script.heads.count == 1 ? .later(timeoutMs: 60_000) : .refuse(status: 403, message: "no")
        }
        let peer = scene.connect()
        peer.send(Self.upgrade + "\r\n")
        scene.run { $0.heads.count == 1 }
        let id = script.heads[0]
        scene.edge { $0.resumeHead(id) }
        scene.run { $0.closed == [id] }
        scene.settle()
        #expect(peer.read().hasPrefix("HTTP/1.1 403 "))
    }
}
