import PharosBytes
import PharosEdge
import PharosHTTP2
import Testing

/// One frame of HTTP/2 (RFC 9113, section 4.1).
struct HTTP2Frame: Equatable {
    enum Kind: UInt8 {
        case data = 0, headers, priority, reset, settings, push, ping, goAway, windowUpdate, continuation
    }

    static let endStream: UInt8 = 1
    static let ack: UInt8 = 1
    static let endHeaders: UInt8 = 4

    let kind: Kind
    var flags: UInt8 = 0
    var stream: UInt32 = 0
    var payload: [UInt8] = []

    var bytes: [UInt8] {
        let length = UInt32(payload.count)
        return [UInt8(length >> 16 & 0xff), UInt8(length >> 8 & 0xff), UInt8(length & 0xff), kind.rawValue, flags]
            + stream.networkBytes + payload
    }

    var isLast: Bool { flags & HTTP2Frame.endStream != 0 }
    var text: String { String(decoding: payload, as: UTF8.self) }
    /// The last four bytes.
    ///
    /// They are the code of RST_STREAM, and the number of WINDOW_UPDATE.
    var number: UInt32 { payload.suffix(4).reduce(0) { $0 << 8 | UInt32($1) } }
    /// Whether a head says 200.
    ///
    /// That stands first, by a number of the static table (RFC 7541, appendix A).
    var isOK: Bool { kind == .headers && payload.first == 0x88 }
}

extension UInt32 {
    var networkBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> (24 - 8 * UInt32($0))) } }
}

/// A client of HTTP/2 that writes every frame by hand.
final class HTTP2Peer {
    static let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    let peer: ScenePeer
    private var unread: [UInt8] = []
    private var nextStream: UInt32 = 1
    /// Bytes that leave together; nil: each frame leaves by itself.
    private var held: [UInt8]?

    init(_ peer: ScenePeer) { self.peer = peer }

    func send(_ frames: HTTP2Frame...) {
        let bytes = frames.flatMap(\.bytes)
        if held == nil { peer.send(bytes) } else { held! += bytes }
    }

    /// Sends everything that `body` sends in one piece.
    func together(_ body: () -> Void) {
        held = []
        body()
        let bytes = held ?? []
        held = nil
        peer.send(bytes)
    }

    /// Begins the connection, with some of the client's settings: identifier and value.
    func begin(_ settings: [(UInt16, UInt32)] = []) {
        peer.send(HTTP2Peer.preface)
        send(HTTP2Frame(kind: .settings, payload: HTTP2Peer.payload(settings)))
    }

    static func payload(_ settings: [(UInt16, UInt32)]) -> [UInt8] {
        settings.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 0xff)] + $0.1.networkBytes }
    }

    /// Sends a request's head, and names its stream.
    @discardableResult
    func ask(
        _ path: String, method: String = "GET", fields: [(String, String)] = [], hasBody: Bool = false
    ) -> UInt32 {
        let pseudo = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "h")]
        return head(pseudo + fields, isLast: !hasBody)
    }

    /// Asks for a WebSocket (RFC 8441).
    func connect(_ path: String, fields: [(String, String)] = []) -> UInt32 {
        ask(
            path, method: "CONNECT", fields: [(":protocol", "websocket"), ("sec-websocket-version", "13")] + fields,
            hasBody: true)
    }

    func head(_ fields: [(String, String)], isLast: Bool) -> UInt32 {
        let stream = nextStream
        nextStream += 2
        let flags = HTTP2Frame.endHeaders | (isLast ? HTTP2Frame.endStream : 0)
        send(HTTP2Frame(kind: .headers, flags: flags, stream: stream, payload: HTTP2Peer.block(fields)))
        return stream
    }

    /// Fields as literals that no table keeps (RFC 7541, section 6.2.2).
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + literal($0.0) + literal($0.1) }
    }

    private static func literal(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var (length, rest) = ([UInt8(127)], bytes.count - 127)
        while rest >= 128 {
            length.append(UInt8(rest & 0x7f | 0x80))
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }

    func data(_ stream: UInt32, _ bytes: [UInt8], isLast: Bool = false) {
        send(HTTP2Frame(kind: .data, flags: isLast ? HTTP2Frame.endStream : 0, stream: stream, payload: bytes))
    }

    func data(_ stream: UInt32, _ text: String, isLast: Bool = false) { data(stream, Array(text.utf8), isLast: isLast) }

    func reset(_ stream: UInt32) {
        send(HTTP2Frame(kind: .reset, stream: stream, payload: UInt32(8).networkBytes))
    }

    func open(window: UInt32, of stream: UInt32) {
        send(HTTP2Frame(kind: .windowUpdate, stream: stream, payload: window.networkBytes))
    }

    /// The frames that have come whole since the last call.
    func frames() -> [HTTP2Frame] {
        unread += peer.readBytes()
        var frames: [HTTP2Frame] = []
        while unread.count >= 9 {
            let length = Int(unread[0]) << 16 | Int(unread[1]) << 8 | Int(unread[2])
            guard unread.count >= 9 + length, let kind = HTTP2Frame.Kind(rawValue: unread[3]) else { break }
            let stream = unread[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
            frames.append(
                HTTP2Frame(kind: kind, flags: unread[4], stream: stream, payload: Array(unread[9..<9 + length])))
            unread.removeFirst(9 + length)
        }
        return frames
    }

    /// The same, without what every connection begins with.
    func answers() -> [HTTP2Frame] {
        frames().filter { $0.kind != .settings && !($0.kind == .windowUpdate && $0.stream == 0) }
    }
}

extension ShardScene {
    /// A scene that speaks HTTP/2.
    static func http2(
        _ limits: HTTP2Limits = HTTP2Limits(), _ change: (inout EdgeConfiguration) -> Void = { _ in }
    ) -> ShardScene {
        ShardScene {
            $0.http2 = limits
            $0.carriedLimit = 64
            change(&$0)
        }
    }

    /// An HTTP/2 connection that has begun.
    func http2(_ settings: [(UInt16, UInt32)] = [], buffer: Int32? = nil) -> HTTP2Peer {
        let peer = HTTP2Peer(connect(buffer: buffer))
        peer.begin(settings)
        settle()
        _ = peer.frames()
        return peer
    }

    /// Asks on a new stream.
    func ask(_ path: String, over peer: HTTP2Peer) -> (stream: UInt32, id: ConnectionID) {
        let before = script.requests.count
        let stream = peer.ask(path)
        run { $0.requests.count > before }
        return (stream, script.requests[before].id)
    }

    /// A WebSocket on a stream, its answer read.
    func webSocket(over peer: HTTP2Peer) -> (stream: UInt32, id: ConnectionID) {
        let before = script.opened.count
        let stream = peer.connect("/ws")
        run { $0.opened.count > before }
        settle()
        _ = peer.frames()
        return (stream, script.opened[before])
    }
}

/// A frame of a WebSocket as clients send it, masked with zeros.
func masked(_ text: String, first: UInt8 = 0x81) -> [UInt8] {
    [first, 0x80 | UInt8(text.utf8.count), 0, 0, 0, 0] + Array(text.utf8)
}
