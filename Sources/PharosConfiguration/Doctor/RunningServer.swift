import Glibc

/// Asks the listener on a port whether it is a Pharos, and how it is.
enum RunningServer {
    /// nil: it is none, or does not answer in time.
    static func health(address: String, port: Int) -> SystemFacts.Port.Health? {
        // No other server says this to a request that is no upgrade.
        guard let upgrade = answer(address, port, to: "/connection/websocket"), upgrade.status == 426,
            upgrade.body.contains("this address speaks WebSocket"), let health = answer(address, port, to: "/health")
        else { return nil }
        switch health.status {
        case 200: return .well
        case 404: return .unknown
        default: return .ill(String(health.body.prefix(200)))
        }
    }

    private static let timeout = timeval(tv_sec: 2, tv_usec: 0)
    /// Bytes of an answer that are read at most.
    private static let limit = 4_096

    private static func answer(_ address: String, _ port: Int, to path: String) -> (status: Int, body: String)? {
        guard let descriptor = connection(address, port) else { return nil }
        defer { close(descriptor) }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: \(host(address)):\(port)\r\nConnection: close\r\n\r\n".utf8)
        guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            return nil
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1_024)
        while bytes.count < limit {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasPrefix("HTTP/1."), let status = Int(text.dropFirst(9).prefix(3)),
            let end = text.firstRange(of: "\r\n\r\n")
        else { return nil }
        return (status, String(text[end.upperBound...]))
    }

    private static func connection(_ address: String, _ port: Int) -> Int32? {
        var four = sockaddr_in()
        var six = sockaddr_in6()
        let descriptor: Int32
        if inet_pton(AF_INET, address, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
            // Every address of this machine is listened on: one will do.
            if four.sin_addr.s_addr == 0 { inet_pton(AF_INET, "127.0.0.1", &four.sin_addr) }
            descriptor = connected(AF_INET, &four)
        } else if inet_pton(AF_INET6, address, &six.sin6_addr) == 1 {
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = UInt16(truncatingIfNeeded: port).bigEndian
            if withUnsafeBytes(of: six.sin6_addr, { $0.allSatisfy { $0 == 0 } }) {
                inet_pton(AF_INET6, "::1", &six.sin6_addr)
            }
            descriptor = connected(AF_INET6, &six)
        } else {
            return nil
        }
        return descriptor >= 0 ? descriptor : nil
    }

    private static func connected<Address>(_ family: Int32, _ address: inout Address) -> Int32 {
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, flags, 0)
        guard descriptor >= 0 else { return -1 }
        var timeout = Self.timeout
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        let size = socklen_t(MemoryLayout<Address>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        if result == 0 { return descriptor }
        close(descriptor)
        return -1
    }

    private static func host(_ address: String) -> String {
        switch address {
        case "0.0.0.0": "127.0.0.1"
        case "::": "[::1]"
        default: address.contains(":") ? "[\(address)]" : address
        }
    }
}
