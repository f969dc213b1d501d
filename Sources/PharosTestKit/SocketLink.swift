import CPharosSys
import PharosBytes

#if canImport(Glibc)
    import Glibc
#endif

/// A TCP connection to 127.0.0.1.
package final class SocketLink: ClientLink {
    private let descriptor: Int32
    private let isOpen = Locked(true)

    /// Connects to a port of this machine.
    ///
    /// - Parameter receiveBuffer: bytes that the system keeps for a client that does not read; nil: the system's choice.
    package init(port: Int, receiveBuffer: Int32? = nil) throws {
        let descriptor = pharos_connect("127.0.0.1", UInt16(port), 0, nil)
        guard descriptor >= 0 else { throw LinkError.system(errno: -descriptor) }
        self.descriptor = descriptor
        if var size = receiveBuffer {
            _ = setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    deinit { close() }

    package func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            try wait(for: POLLOUT)
            let sent = rest.withUnsafeBytes { pharos_send(descriptor, $0.baseAddress!, min($0.count, 65_536), 0) }
            guard sent >= 0 else { throw LinkError.system(errno: Int32(-sent)) }
            rest = rest.dropFirst(sent)
        }
    }

    package func receive() throws -> [UInt8] {
        try wait(for: POLLIN)
        var failure = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            let received = pharos_recv(descriptor, buffer.baseAddress!, buffer.count)
            count = max(received, 0)
            failure = min(received, 0)
        }
        // A reset is an end as well: the server need not wait for what we had not read yet.
        guard failure == 0 || failure == -Int(ECONNRESET) else { throw LinkError.system(errno: Int32(-failure)) }
        return bytes
    }

    package func close() {
        isOpen.withLock { isOpen in
            if isOpen { _ = pharos_close(descriptor) }
            isOpen = false
        }
    }

    private func wait(for event: Int32) throws {
        var waited = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        guard poll(&waited, 1, guardMs) > 0 else { throw LinkError.silence }
    }
}
