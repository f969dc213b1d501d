import Glibc

/// Finds out whether a port is free, and else who listens there.
enum PortProbe {
    static func state(address: String, port: Int) -> SystemFacts.Port.State {
        if port == 0 { return .free }
        var six = sockaddr_in6()
        var four = sockaddr_in()
        let failure: Int32
        if inet_pton(AF_INET, address, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
            failure = tryToBind(AF_INET, &four)
        } else if inet_pton(AF_INET6, address, &six.sin6_addr) == 1 {
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = UInt16(truncatingIfNeeded: port).bigEndian
            failure = tryToBind(AF_INET6, &six)
        } else {
            return .refused("not an address")
        }
        switch failure {
        case 0: return .free
        case EADDRINUSE: return .taken(by: listener(onPort: port))
        default: return .refused(String(cString: strerror(failure)))
        }
    }

    /// Binds and listens for a moment; 0, or the system's error.
    ///
    /// Without SO_REUSEPORT, so that a server that set it is found too; with SO_REUSEADDR, so that connections that
    /// are still closing do not count.
    private static func tryToBind<Address>(_ family: Int32, _ address: inout Address) -> Int32 {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let size = socklen_t(MemoryLayout<Address>.size)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        if bound != 0 { return errno }
        return listen(descriptor, 1) == 0 ? 0 : errno
    }

    /// Name and pid of the process whose socket listens on the port.
    ///
    /// It is found as far as this user may look.
    private static func listener(onPort port: Int) -> String? {
        var sockets: Set<String> = []
        // The table is read in pieces, and what others open and close meanwhile may push a line from one into another.
        for _ in 0..<5 where sockets.isEmpty {
            sockets = Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap { listeningSockets($0, port) })
        }
        guard !sockets.isEmpty else { return nil }
        for pid in names(in: "/proc").compactMap({ Int32($0) }) {
            for descriptor in names(in: "/proc/\(pid)/fd") {
                guard let target = link("/proc/\(pid)/fd/\(descriptor)"), sockets.contains(target) else { continue }
                let name = (try? TextFile.read("/proc/\(pid)/comm"))?.split(separator: "\n").first ?? "a process"
                return "\(name) (pid \(pid))"
            }
        }
        return nil
    }

    /// The sockets in state LISTEN on the port.
    ///
    /// They are named as `/proc/<pid>/fd` does: `socket:[12345]`.
    ///
    /// On a busy machine the table is as long as it likes; those that listen stand first.
    static func listeningSockets(_ path: String, _ port: Int) -> [String] {
        guard let text = try? TextFile.beginning(of: path) else { return [] }
        return text.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            guard fields.count > 9, fields[3] == "0A", let colon = fields[1].lastIndex(of: ":"),
                Int(fields[1][fields[1].index(after: colon)...], radix: 16) == port
            else { return nil }
            return "socket:[\(fields[9])]"
        }
    }

    private static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var result: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { result.append(name) }
        }
        return result
    }

    private static func link(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = buffer.withUnsafeMutableBytes { readlink(path, $0.baseAddress!, $0.count) }
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
