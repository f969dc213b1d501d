import CPharosSys
import PharosBytes
import PharosEdge
import PharosTestKit
import Testing

/// One shard whose turns the test itself runs.
///
/// So a story has no threads and no waiting but for its own events.
final class ShardScene {
    var loop: ShardLoop<ScriptHandler>
    let script: Script
    private let mailbox: Mailbox<Int>

    init(_ change: (inout EdgeConfiguration) -> Void = { _ in }) {
        var configuration = EdgeConfiguration()
        configuration.connectionCapacity = 64
        configuration.detachedLimit = 64
        change(&configuration)
        mailbox = Mailbox()
        script = Script()
        loop = ShardLoop(
            edge: Edge(configuration), handler: ScriptHandler(script: script), mailbox: mailbox,
            listener: -1)
    }

    deinit {
        loop.edge.isFinished = true
        loop.run()
    }

    /// Asks or changes the edge.
    ///
    /// Expectations go through here, since they cannot hold values that are not copyable.
    func edge<Result>(_ body: (inout Edge) -> Result) -> Result { body(&loop.edge) }

    /// A new connection, with its other end.
    func connect(_ kind: ScenePeer.Kind = .socket, buffer: Int32? = nil) -> ScenePeer {
        switch kind {
        case .socket:
            let (ours, theirs) = ScenePeer.socketPair(buffer: buffer)
            _ = loop.serve(descriptor: ours)
            return ScenePeer(descriptor: theirs)
        case .tls:
            let (ours, theirs) = ScenePeer.socketPair(buffer: buffer)
            _ = loop.serve(descriptor: ours, context: TestCertificate.server.context)
            guard let secure = SceneTLS() else { preconditionFailure("TLS cannot be begun") }
            let peer = ScenePeer(descriptor: theirs, secure: secure)
            let end = pharos_monotonic_ms() + 60_000
            while !peer.isSecure, pharos_monotonic_ms() < end {
                loop.runTurn(waitMs: 0)
                _ = peer.isEnded
            }
            settle()
            return peer
        }
    }

    /// A connection that has asked for `path`, and its name.
    ///
    /// Its answer is still to be given.
    func ask(_ path: String, _ kind: ScenePeer.Kind = .socket, buffer: Int32? = nil) -> (ScenePeer, ConnectionID) {
        let peer = connect(kind, buffer: buffer)
        return (peer, ask(path, over: peer))
    }

    /// Asks once more over the same connection.
    func ask(_ path: String, headers: String = "", over peer: ScenePeer) -> ConnectionID {
        let before = script.requests.count
        peer.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\(headers)\r\n")
        run { $0.requests.count > before }
        return script.requests[before].id
    }

    /// A stream that has begun, its head read.
    func stream(_ kind: ScenePeer.Kind = .socket, buffer: Int32? = nil) -> (ScenePeer, ConnectionID) {
        let (peer, id) = ask("/stream", kind, buffer: buffer)
        loop.edge.beginStream(id, head: ByteWriter("Content-Type: text/plain\r\n"))
        settle()
        _ = peer.read()
        return (peer, id)
    }

    /// A WebSocket, its handshake read.
    ///
    /// - Parameter offer: the extensions that it offers; nil: none.
    func webSocket(
        _ kind: ScenePeer.Kind = .socket, buffer: Int32? = nil, offer: String? = nil
    ) -> (ScenePeer, ConnectionID) {
        let peer = connect(kind, buffer: buffer)
        let before = script.opened.count
        peer.send(
            "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(offer.map { "Sec-WebSocket-Extensions: \($0)\r\n" } ?? "")\r\n"
        )
        run { $0.opened.count > before }
        settle()
        _ = peer.read()
        return (peer, script.opened[before])
    }

    /// Runs turns until `isOver`; that it never is counts as a failure after a minute.
    func run(_ comment: Comment? = nil, until isOver: (Script) -> Bool) {
        let end = pharos_monotonic_ms() + 60_000
        repeat {
            if isOver(script) { return }
            loop.runTurn(waitMs: 50)
        } while pharos_monotonic_ms() < end
        Issue.record(comment ?? "what was waited for did not come")
    }

    /// Runs the turns that are due, without waiting.
    func settle() {
        for _ in 0..<3 { loop.runTurn(waitMs: 0) }
    }
}

/// The calls that the handler got, and its answers to requests.
final class Script {
    struct Request {
        let id: ConnectionID
        let target: String
        let body: String
    }

    struct Drop: Equatable {
        let id: ConnectionID
        let topic: UInt32
        var dropped = 0
        var replaced = 0
    }

    /// How often a head was asked about, and whose.
    var heads: [ConnectionID] = []
    var requests: [Request] = []
    var opened: [ConnectionID] = []
    var messages: [String] = []
    /// Whose they were.
    var senders: [ConnectionID] = []
    var closed: [ConnectionID] = []
    var timers: [ConnectionID] = []
    var slow: [ConnectionID] = []
    var stuck: [ConnectionID] = []
    var arrived: [ConnectionID] = []
    var drops: [Drop] = []
    /// Decides about a head; nil: as usual.
    var onHead: (ConnectionID, inout Edge) -> HeadDecision? = { _, _ in nil }
    /// Looks at a head.
    var onHeadText: (RequestHead) -> Void = { _ in }
    /// Whether a request may be handed on before those before it are answered.
    var readsAhead: (_ target: String) -> Bool = { _ in false }
    var onMessage: (ConnectionID, inout Edge) -> Void = { _, _ in }
    var onRequest: (ConnectionID, inout Edge) -> Void = { _, _ in }
    var onArrival: (ConnectionID, inout Edge) -> Void = { _, _ in }
    var onSlow: (ConnectionID, inout Edge) -> Void = { _, _ in }
    var onDrop: (ConnectionID, inout Edge) -> Void = { _, _ in }
}

struct ScriptHandler: EdgeHandler, ~Copyable {
    typealias Mail = Int

    let script: Script

    mutating func headReceived(_ id: ConnectionID, _ head: RequestHead, _ edge: inout Edge) -> HeadDecision {
        script.heads.append(id)
        script.onHeadText(head)
        if let decision = script.onHead(id, &edge) { return decision }
        if case .accept(let subprotocol) = WebSocketHandshake.examine(head) { return .webSocket(subprotocol) }
        return .read(limit: 1_000, isTrusted: head.header("x-key") != nil)
    }

    func readsAhead(_ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge) -> Int? {
        script.readsAhead(String(decoding: head.target, as: UTF8.self)) ? 1_000 : nil
    }

    mutating func requestReceived(
        _ id: ConnectionID, _ head: RequestHead, body: UnsafeRawBufferPointer, _ edge: inout Edge
    ) {
        script.requests.append(
            Script.Request(
                id: id, target: String(decoding: head.target, as: UTF8.self),
                body: String(decoding: body, as: UTF8.self)))
        script.onRequest(id, &edge)
    }

    mutating func webSocketOpened(
        _ id: ConnectionID, _ head: RequestHead, subprotocol: WebSocketHandshake.Subprotocol, _ edge: inout Edge
    ) { script.opened.append(id) }

    mutating func messageReceived(
        _ id: ConnectionID, _ message: UnsafeRawBufferPointer, isText: Bool, _ edge: inout Edge
    ) {
        script.messages.append(String(decoding: message, as: UTF8.self))
        script.senders.append(id)
        script.onMessage(id, &edge)
    }

    mutating func pongReceived(_ id: ConnectionID, _ edge: inout Edge) {}
    func connectionClosed(_ id: ConnectionID, _ edge: inout Edge) { script.closed.append(id) }
    mutating func timerFired(_ id: ConnectionID, _ edge: inout Edge) { script.timers.append(id) }

    mutating func becameSlow(_ id: ConnectionID, _ edge: inout Edge) {
        script.slow.append(id)
        script.onSlow(id, &edge)
    }

    mutating func writeTimedOut(_ id: ConnectionID, _ edge: inout Edge) { script.stuck.append(id) }

    mutating func publicationsDropped(
        _ id: ConnectionID, topic: UInt32, dropped: Int, replaced: Int, _ edge: inout Edge
    ) {
        script.drops.append(Script.Drop(id: id, topic: topic, dropped: dropped, replaced: replaced))
        script.onDrop(id, &edge)
    }

    mutating func outputArrived(_ id: ConnectionID, _ edge: inout Edge) {
        script.arrived.append(id)
        script.onArrival(id, &edge)
    }

    mutating func mailReceived(_ mail: Int, _ edge: inout Edge) {}
    mutating func ticked(_ edge: inout Edge) {}
}
