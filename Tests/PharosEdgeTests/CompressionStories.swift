import PharosBytes
import PharosEdge
import Testing

/// permessage-deflate as a client of one shard sees it.
@Suite("compression, from the handshake on")
struct CompressionStories {
    private static let long = String(repeating: "{\"price\":123,\"pair\":\"EURUSD\"},", count: 40)

    private func scene(_ change: @escaping (inout EdgeConfiguration) -> Void = { _ in }) -> ShardScene {
        ShardScene {
            $0.compression = true
            change(&$0)
        }
    }

    /// Opens a WebSocket that offers these extensions.
    ///
    /// - Returns: it, its name, and the head of the answer.
    private func open(
        _ scene: ShardScene, _ kind: ScenePeer.Kind = .socket, offer: String? = "permessage-deflate"
    ) -> (peer: ScenePeer, id: ConnectionID, answer: String) {
        let peer = scene.connect(kind)
        let before = scene.script.opened.count
        let line = offer.map { "Sec-WebSocket-Extensions: \($0)\r\n" } ?? ""
        peer.send(
            "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(line)\r\n")
        scene.run { $0.opened.count > before }
        scene.settle()
        return (peer, scene.script.opened[before], peer.read())
    }

    private func compressed(_ text: String) -> [UInt8] {
        var compressor = MessageCompressor(level: 1)
        return withBytes(text) { compressor.compress($0, windowBits: 15).map { Array($0) } ?? [] }
    }

    /// The payload of a server's frame of fewer than 64 KiB, inflated.
    ///
    /// nil: its first byte is another, or more follows.
    private func inflated(_ frame: [UInt8], first: UInt8 = 0xC1) -> String? {
        guard frame.count >= 4, frame[0] == first else { return nil }
        let isShort = frame[1] < 126
        let length = isShort ? Int(frame[1]) : Int(frame[2]) << 8 | Int(frame[3])
        let payload = Array(frame[(isShort ? 2 : 4)...])
        guard payload.count == length else { return nil }
        var inflater = MessageInflater()
        return payload.withUnsafeBytes { bytes in
            guard case .message(let message) = inflater.inflate(bytes, limit: 1_000_000) else { return nil }
            return String(decoding: message, as: UTF8.self)
        }
    }

    @Test("long messages are compressed in both directions, short ones are not", arguments: ScenePeer.Kind.allCases)
    func bothWays(kind: ScenePeer.Kind) {
        let scene = scene()
        let (peer, id, answer) = open(scene, kind)
        #expect(answer.contains("\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover;"))
        #expect(scene.edge { $0.compression(of: id) } == 15)
        scene.edge { edge in withBytes(Self.long) { edge.send(id, .text, $0) } }
        scene.settle()
        #expect(inflated(peer.readBytes()) == Self.long)
        scene.edge { edge in withBytes("short") { edge.send(id, .text, $0) } }
        scene.settle()
        #expect(peer.readBytes() == frame("short"))
        peer.send(Frame(1, compressed(Self.long), reserved: 0x40).bytes + Frame(1, "short").bytes)
        scene.run { $0.messages.count == 2 }
        #expect(scene.script.messages == [Self.long, "short"])
    }

    @Test("binary messages are compressed too; pings and what cannot become shorter are not")
    func kinds() {
        let scene = scene { $0.compressionMinSize = 0 }
        let (peer, id, _) = open(scene)
        scene.edge { edge in withBytes(Self.long) { edge.send(id, .binary, $0) } }
        scene.settle()
        #expect(inflated(peer.readBytes(), first: 0xC2) == Self.long)
        let zeros = String(repeating: "0", count: 100)
        scene.edge { edge in withBytes(zeros) { edge.send(id, .ping, $0) } }
        scene.edge { edge in withBytes("abc") { edge.send(id, .text, $0) } }
        scene.settle()
        #expect(peer.readBytes() == frame(zeros, first: 0x89) + frame("abc"))
    }

    @Test("nothing is agreed on unless it is enabled, offered and acceptable")
    func declined() {
        let off = ShardScene()
        let (peer, id, answer) = open(off)
        #expect(!answer.contains("Extensions"))
        #expect(off.edge { $0.compression(of: id) } == 0)
        off.edge { edge in withBytes(Self.long) { edge.send(id, .text, $0) } }
        off.settle()
        #expect(peer.readBytes().first == 0x81)
        peer.send(Frame(1, compressed(Self.long), reserved: 0x40).bytes)
        off.run { $0.closed == [id] }
        off.settle()
        #expect(peer.readBytes().prefix(4).suffix(2) == [0x03, 0xEA])

        let on = scene()
        for offer in [nil, "permessage-deflate; server_max_window_bits=8", "x-webkit-deflate-frame"] {
            let (_, id, answer) = open(on, offer: offer)
            #expect(!answer.contains("Extensions"))
            #expect(on.edge { $0.compression(of: id) } == 0)
        }
    }

    @Test("a publication is compressed once for all who agreed on the same window, and plain for the others")
    func fanOut() {
        let scene = scene()
        let offers = [nil, "permessage-deflate", "permessage-deflate; server_max_window_bits=9", "permessage-deflate"]
        let peers = offers.map { open(scene, offer: $0) }
        let topic = scene.edge { $0.makeTopic() }
        for peer in peers {
            scene.edge { edge in
                let lane = UInt16(edge.compression(of: peer.id))
                _ = edge.subscribe(peer.id, to: topic, lane: lane)
            }
        }
        scene.edge { edge in
            withBytes(Self.long) { payload in
                for index in 0..<edge.laneSlots(of: topic) {
                    guard let lane = edge.lane(of: topic, at: index) else { continue }
                    var writer = ByteWriter()
                    if lane != 0, edge.compress(payload, windowBits: UInt8(lane), into: &writer) {
                        edge.publish(topic, lane: lane, .compressedText, writer)
                    } else {
                        edge.publish(topic, lane: lane, .text, payload)
                    }
                }
            }
        }
        scene.settle()
        let frames = peers.map { $0.peer.readBytes() }
        #expect(frames[0].first == 0x81 && String(decoding: frames[0].dropFirst(4), as: UTF8.self) == Self.long)
        #expect(frames[1...].allSatisfy { inflated($0) == Self.long })
        #expect(frames[1] == frames[3])
    }

    @Test("what is too short or gains nothing is left to be published as it is")
    func notCompressed() {
        let scene = scene { $0.compressionMinSize = 100 }
        var writer = ByteWriter()
        #expect(
            !scene.edge { edge in
                withBytes(String(repeating: "a", count: 99)) { edge.compress($0, windowBits: 15, into: &writer) }
            })
        #expect(writer.count == 0)
        #expect(
            scene.edge { edge in
                withBytes(String(repeating: "a", count: 100)) { edge.compress($0, windowBits: 15, into: &writer) }
            })
        #expect(writer.count > 0)
    }

    @Test("a bomb closes its connection with 1009, and the next client is served")
    func bomb() {
        let scene = scene { $0.messageSizeLimit = 10_000 }
        let (peer, id, _) = open(scene)
        let bomb = compressed(String(repeating: "a", count: 1_000_000))
        #expect(bomb.count < 10_000)
        peer.send(Frame(1, bomb, reserved: 0x40).bytes)
        scene.run { $0.closed == [id] }
        scene.settle()
        #expect(peer.readBytes().prefix(4).suffix(2) == [0x03, 0xF1])
        let (next, _, _) = open(scene)
        next.send(Frame(1, compressed(Self.long), reserved: 0x40).bytes)
        scene.run { $0.messages == [Self.long] }
    }

    @Test("broken data closes the connection with 1007")
    func broken() {
        let scene = scene()
        let (peer, id, _) = open(scene)
        peer.send(Frame(1, [0x06, 0xFF, 0xFF], reserved: 0x40).bytes)
        scene.run { $0.closed == [id] }
        scene.settle()
        #expect(peer.readBytes().prefix(4).suffix(2) == [0x03, 0xEF])
    }
}
