import PharosNATS

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A session over a blocking socket to a real server.
final class LiveClient {
    var session: NATSSession
    private let descriptor: Int32
    private var waiting: [NATSEvent] = []

    init(_ server: LiveServer, token: String) throws {
        descriptor = try server.open()
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        session = try NATSSession(settings: NATSSessionSettings(), inboxToken: token, nowMs: LiveClient.nowMs)
    }

    deinit { close(descriptor) }

    static var nowMs: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Sends what the session has written.
    func flush() {
        session.takeOutput { bytes in
            var rest = bytes
            while !rest.isEmpty {
                let count = send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }

    /// The next event, for which it waits.
    ///
    /// nil at the end of the connection, and after 10 s of silence.
    func next() -> NATSEvent? {
        while waiting.isEmpty {
            flush()
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            buffer.withUnsafeBytes {
                session.receive(UnsafeRawBufferPointer(rebasing: $0[..<count]), nowMs: LiveClient.nowMs)
            }
            waiting = session.takeEvents().reversed()
        }
        return waiting.popLast()
    }
}
