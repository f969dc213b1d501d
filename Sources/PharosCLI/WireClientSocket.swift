import CPharosSys
import Glibc

/// A blocking TCP connection with deadlines. Not thread-safe.
struct WireClientSocket: ~Copyable {
    private let descriptor: Int32

    init(_ address: WireClientAddress) throws(WireClientError) {
        descriptor = pharos_connect(address.host, address.port, 0, nil)
        guard descriptor >= 0 else {
            let what = "cannot connect to \(address.authority)"
            throw WireClientError(what, code: Int(descriptor))
        }
    }

    deinit {
        if descriptor >= 0 { _ = pharos_close(descriptor) }
    }

    /// Sends all of `bytes`.
    func send(_ bytes: UnsafeRawBufferPointer) throws(WireClientError) {
        var sent = 0
        while sent < bytes.count {
            let count = pharos_send(descriptor, bytes.baseAddress! + sent, bytes.count - sent, 0)
            if count == -Int(EINTR) { continue }
            guard count >= 0 else { throw WireClientError("the connection broke", code: count) }
            sent += count
        }
    }

    /// Reads available bytes into `target`.
    ///
    /// - Returns: the count; 0 at the end of the stream, nil at the deadline.
    func receive(_ target: UnsafeMutableRawBufferPointer, untilMs deadline: Int64) throws(WireClientError) -> Int? {
        while true {
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let left = max(0, deadline - pharos_monotonic_ms())
            let ready = poll(&wait, 1, Int32(clamping: left))
            if ready == 0 { return nil }
            if ready < 0 && errno == EINTR { continue }
            let count = pharos_recv(descriptor, target.baseAddress, target.count)
            if count == -Int(EINTR) || count == -Int(EAGAIN) { continue }
            guard count >= 0 else { throw WireClientError("the connection broke", code: count) }
            return count
        }
    }
}
