import CPharosSys
import PharosBytes
import PharosEdge

#if canImport(Glibc)
    import Glibc
#endif

/// The client's end of a connection in a story: it never blocks.
final class ScenePeer {
    enum Kind: String, CaseIterable, Sendable {
        case socket, sink
    }

    private var descriptor: Int32
    private let sink: SceneSink?
    private let source: (any ByteSource)?
    /// Read so far and not yet taken.
    private var unread: [UInt8] = []
    private var sawEnd = false

    init(descriptor: Int32) {
        self.descriptor = descriptor
        sink = nil
        source = nil
    }

    init(sink: SceneSink, source: any ByteSource) {
        descriptor = -1
        self.sink = sink
        self.source = source
    }

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
        if let source { return source.received(bytes) }
        let sent = pharos_send(descriptor, bytes, bytes.count, 0)
        precondition(sent == bytes.count, "a story's requests are short")
    }

    /// What has come since the last call.
    func read() -> String { String(decoding: readBytes(), as: UTF8.self) }

    func readBytes(limit: Int = .max) -> [UInt8] {
        fill(limit: limit)
        defer { unread = [] }
        return unread
    }

    private func fill(limit: Int) {
        if let sink { return unread += sink.take() }
        var buffer = [UInt8](repeating: 0, count: min(65_536, limit))
        while unread.count < limit {
            let count = pharos_recv(descriptor, &buffer, buffer.count)
            if count <= 0 {
                sawEnd = count != -Int(pharos_eagain)
                return
            }
            unread += buffer[..<count]
        }
    }

    /// Whether the server has closed its half, or all.
    var isEnded: Bool {
        fill(limit: .max)
        return sink?.isClosed ?? sawEnd
    }

    /// Whether the shard wants to be given more by a sink.
    var isRead: Bool? { sink?.isRead }

    /// Closes the sending half: a sink has none, so all of it.
    func closeHalf() {
        if source != nil { return close() }
        _ = pharos_shutdown_write(descriptor)
    }

    func close() {
        source?.closed()
        if descriptor >= 0 { _ = pharos_close(descriptor) }
        descriptor = -1
    }
}

/// A sink that only collects.
final class SceneSink: ByteSink {
    private let state = Locked((bytes: [UInt8](), isClosed: false, isRead: true))

    func write(_ bytes: [UInt8]) { state.withLock { $0.bytes += bytes } }
    /// As long as the peer has not read, nothing has left.
    var unsentBytes: Int { state.withLock { $0.bytes.count } }
    func close() { state.withLock { $0.isClosed = true } }
    func setReading(_ isReading: Bool) { state.withLock { $0.isRead = isReading } }

    var isRead: Bool { state.withLock { $0.isRead } }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func take() -> [UInt8] {
        state.withLock { state in
            defer { state.bytes = [] }
            return state.bytes
        }
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
