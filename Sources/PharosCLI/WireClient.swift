import CPharosSys
import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// A client of the JSON protocol over one blocking WebSocket.
///
/// It is for `pharos sub` and for trying things. Not thread-safe.
///
/// It answers pings of both levels by itself. Dropping it closes the connection.
struct WireClient: ~Copyable {
    enum Received: Equatable {
        case messages([ServerMessage])
        /// The server closed; 1006 when it did so without a word.
        case closed(code: UInt16, reason: String)
        /// Nothing came until the deadline.
        case nothing
    }

    private static let handshakeMs: Int64 = 10_000
    private static let headLimit = 16384
    private static let messageLimit = 16 << 20

    private let socket: WireClientSocket
    private var reader = FrameReader(expectsMask: false)
    private let buffer: UnsafeMutableRawBufferPointer
    /// Received bytes that have not been read as frames; in `buffer`.
    private var unread: UnsafeMutableRawBufferPointer

    /// Connects and upgrades; sends no command yet.
    static func connect(_ address: WireClientAddress) throws(WireClientError) -> WireClient {
        var client = WireClient(socket: try WireClientSocket(address))
        try client.upgrade(address)
        return client
    }

    private init(socket: consuming WireClientSocket) {
        self.socket = socket
        buffer = .allocate(byteCount: 65536, alignment: 8)
        unread = UnsafeMutableRawBufferPointer(rebasing: buffer[..<0])
    }

    deinit {
        var reader = reader
        reader.release()
        buffer.deallocate()
    }

    /// Sends commands in one frame, in order. At least one.
    func send(_ commands: [Command]) throws(WireClientError) {
        var payload = ByteWriter()
        for (index, command) in commands.enumerated() {
            if index > 0 { payload.append(UInt8(ascii: "\n")) }
            JSONCommandEncoder.encode(command, into: &payload)
        }
        try payload.withBytes { bytes throws(WireClientError) in try sendFrame(opcode: 1, bytes) }
    }

    /// The next messages, pings left out.
    mutating func receive(untilMs deadline: Int64) throws(WireClientError) -> Received {
        while true {
            switch reader.next(&unread, limit: Self.messageLimit) {
            case .needMore:
                guard let count = try socket.receive(buffer, untilMs: deadline) else { return .nothing }
                if count == 0 { return .closed(code: 1006, reason: "") }
                unread = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            case .text(let frame):
                let messages: [ServerMessage]
                do {
                    messages = try JSONReplyDecoder.decode(frame)
                } catch {
                    throw WireClientError("the server sent what is not the protocol: \(error.reason)")
                }
                if messages.contains(.ping) { try sendPong() }
                return .messages(messages.filter { $0 != .ping })
            case .binary:
                throw WireClientError("the server sent a binary frame on a JSON connection")
            case .ping(let payload): try sendFrame(opcode: 0xA, payload)
            case .pong: break
            case .close(let code, let reason):
                return .closed(code: code, reason: String(decoding: reason, as: UTF8.self))
            case .failure(let code):
                throw WireClientError("the server broke the WebSocket protocol (\(code))")
            }
        }
    }

    private func sendPong() throws(WireClientError) {
        try "{}".utf8Bytes { bytes throws(WireClientError) in try sendFrame(opcode: 1, bytes) }
    }

    private func sendFrame(opcode: UInt8, _ payload: UnsafeRawBufferPointer) throws(WireClientError) {
        var frame = ByteWriter(capacity: payload.count + 16)
        var mask: UInt32 = 0
        pharos_random(&mask, 4)
        FrameWriter.appendMasked(opcode: opcode, payload: payload, mask: mask, into: &frame)
        try frame.withBytes { bytes throws(WireClientError) in try socket.send(bytes) }
    }

    private mutating func upgrade(_ address: WireClientAddress) throws(WireClientError) {
        let handshake = WireClientHandshake()
        try handshake.request(address).utf8Bytes { bytes throws(WireClientError) in try socket.send(bytes) }
        let deadline = pharos_monotonic_ms() + Self.handshakeMs
        var filled = 0
        while filled < Self.headLimit {
            let free = UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<Self.headLimit])
            guard let count = try socket.receive(free, untilMs: deadline) else {
                throw WireClientError("\(address.authority) does not answer the WebSocket handshake")
            }
            guard count > 0 else { throw WireClientError("\(address.authority) closed during the WebSocket handshake") }
            filled += count
            let received = UnsafeMutableRawBufferPointer(rebasing: buffer[..<filled])
            if let end = WireClientHandshake.endOfHead(UnsafeRawBufferPointer(received)) {
                try handshake.check(UnsafeRawBufferPointer(rebasing: received[..<end]))
                unread = UnsafeMutableRawBufferPointer(rebasing: received[end...])
                return
            }
        }
        throw WireClientError("\(address.authority) answers the WebSocket handshake with too long a head")
    }
}

extension String {
    /// The UTF-8 bytes; valid inside `body` only.
    func utf8Bytes<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var writer = ByteWriter()
        writer.append(self)
        try writer.withBytes(body)
    }
}
