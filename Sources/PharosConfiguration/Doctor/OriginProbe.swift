import Glibc

/// Finds out whether somebody listens where an origin is said to be. Sends nothing.
enum OriginProbe {
    /// nil: a connection was made; otherwise why not.
    static func failure(host: String, port: Int, timeoutMs: Int32 = 1000) -> String? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else { return String(cString: gai_strerror(status)) }
        defer { freeaddrinfo(list) }
        var last = "no address"
        var next = list
        // A name may have more than one address: one that answers is enough.
        for _ in 0..<addressLimit {
            guard let entry = next else { break }
            guard let failure = connect(entry.pointee, timeoutMs) else { return nil }
            last = failure
            next = entry.pointee.ai_next
        }
        return last
    }

    private static let addressLimit = 4

    private static func connect(_ entry: addrinfo, _ timeoutMs: Int32) -> String? {
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(entry.ai_family, flags, 0)
        guard descriptor >= 0 else { return String(cString: strerror(errno)) }
        defer { close(descriptor) }
        if Glibc.connect(descriptor, entry.ai_addr, entry.ai_addrlen) == 0 { return nil }
        guard errno == EINPROGRESS else { return String(cString: strerror(errno)) }
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&waiting, 1, timeoutMs) == 1 else { return "no answer within \(timeoutMs) ms" }
        var failure: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size)
        return failure == 0 ? nil : String(cString: strerror(failure))
    }
}
