import CPharosSys
import PharosBytes
import PharosEdge
import PharosTLS
import PharosTestKit

#if canImport(Glibc)
    import Glibc
#endif

/// The client's end of a connection in a story: it never blocks.
final class ScenePeer {
    enum Kind: String, CaseIterable, Sendable {
        case socket, tls
    }

    private var descriptor: Int32
    private let secure: SceneTLS?
    /// Read so far and not yet taken.
    private var unread: [UInt8] = []
    private var sawEnd = false

    init(descriptor: Int32) {
        self.descriptor = descriptor
        secure = nil
    }

    /// With TLS; goes on with the handshake each time it reads.
    init(descriptor: Int32, secure: SceneTLS) {
        self.descriptor = descriptor
        self.secure = secure
        deliver(secure.receive([]).output)
    }

    /// Whether TLS has been agreed on.
    var isSecure: Bool { secure?.isEstablished ?? false }

    deinit { if descriptor >= 0 { _ = pharos_close(descriptor) } }

    /// Two ends of a connection, non-blocking.
    ///
    /// - Parameter buffer: bytes that the system keeps in front of a peer that does not read; nil: the system's choice.
    static func socketPair(buffer: Int32?) -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        precondition(socketpair(AF_UNIX, kind, 0, &ends) == 0, "no descriptor is left")
        if var buffer {
            for end in ends {
                setsockopt(end, SOL_SOCKET, SO_SNDBUF, &buffer, socklen_t(MemoryLayout<Int32>.size))
            }
        }
        return (ends[0], ends[1])
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        deliver(secure?.encrypt(bytes) ?? bytes)
    }

    private func deliver(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        let sent = pharos_send(descriptor, bytes, bytes.count, 0)
        precondition(sent == bytes.count, "a story's requests are short")
    }

    /// The text that has come since the last call.
    func read() -> String { String(decoding: readBytes(), as: UTF8.self) }

    func readBytes(limit: Int = .max) -> [UInt8] {
        fill(limit: limit)
        defer { unread = [] }
        return unread
    }

    private func fill(limit: Int) {
        var buffer = [UInt8](repeating: 0, count: min(65_536, limit))
        while unread.count < limit {
            let count = pharos_recv(descriptor, &buffer, buffer.count)
            if count <= 0 {
                sawEnd = count != -Int(pharos_eagain)
                return
            }
            guard let secure else {
                unread += buffer[..<count]
                continue
            }
            let (plaintext, output, isOver) = secure.receive(Array(buffer[..<count]))
            unread += plaintext
            deliver(output)
            if isOver { sawEnd = true }
        }
    }

    /// Whether the server has closed its half, or all.
    var isEnded: Bool {
        fill(limit: .max)
        return sawEnd
    }

    /// Closes the sending half.
    func closeHalf() {
        deliver(secure?.close() ?? [])
        _ = pharos_shutdown_write(descriptor)
    }

    func close() {
        if descriptor >= 0 { _ = pharos_close(descriptor) }
        descriptor = -1
    }
}

/// The client's end of TLS, as a machine.
final class SceneTLS {
    private var session: TLSSession
    private var output = TLSOutput()

    init?() {
        guard let session = TLSSession(connecting: TestCertificate.client, to: "localhost") else { return nil }
        self.session = session
    }

    var isEstablished: Bool { session.isHandshakeComplete }

    func encrypt(_ bytes: [UInt8]) -> [UInt8] {
        _ = bytes.withUnsafeBytes { session.encrypt($0, into: &output) }
        return take()
    }

    func receive(_ bytes: [UInt8]) -> (plaintext: [UInt8], output: [UInt8], isOver: Bool) {
        withUnsafeTemporaryAllocation(byteCount: bytes.count + TLSSession.recordSize, alignment: 16) { room in
            let progress = bytes.withUnsafeBytes { session.receive($0, plaintext: room, output: &output) }
            return (Array(room.prefix(progress.produced)), take(), progress.status != .open)
        }
    }

    func close() -> [UInt8] {
        session.close(into: &output)
        return take()
    }

    private func take() -> [UInt8] {
        defer { output.removeAll() }
        return Array(output.bytes)
    }
}

extension ByteWriter {
    init(_ text: String) {
        self.init(capacity: text.utf8.count)
        append(text)
    }
}

/// Calls `body` with the bytes of a text.
func withBytes<Result>(_ text: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    ByteWriter(text).withBytes(body)
}

extension String {
    /// One chunk of the chunked coding.
    var chunk: String { "\(String(utf8.count, radix: 16))\r\n\(self)\r\n" }
}

/// A text frame as a server sends it, for texts below 126 bytes.
func frame(_ text: String, first: UInt8 = 0x81) -> [UInt8] {
    [first, UInt8(text.utf8.count)] + Array(text.utf8)
}
