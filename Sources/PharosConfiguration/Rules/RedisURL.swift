/// An address of Redis, plain or as a URL.
///
/// `host:port`; `redis://` and `tcp://`; `rediss://` for TLS; `redis+sentinel://` and `rediss+sentinel://` with
/// `sentinel_master_name`; `redis+cluster://`. Before the host may stand `user:password@`, behind the port `/database`, and
/// options behind `?`: of them count `addr` (further hosts), `tls_enabled` and those of the sentinels.
struct RedisURL: Equatable {
    enum Topology: Equatable {
        case standalone, sentinel, cluster
    }

    var topology = Topology.standalone
    /// Each `host:port`.
    var hosts: [String] = []
    var user: String?
    var password: String?
    var database: Int?
    var isTLS = false
    var sentinelMaster: String?
    var sentinelUser: String?
    var sentinelPassword: String?

    /// - Throws: a message that shows nothing of the address but the names of options.
    init(_ text: String) throws(TypeMismatch) {
        guard let mark = text.firstRange(of: "://") else {
            hosts = [text]
            return
        }
        try readScheme(String(text[..<mark.lowerBound]))
        var rest = text[mark.upperBound...]
        if let question = rest.firstIndex(of: "?") {
            try readOptions(rest[rest.index(after: question)...])
            rest = rest[..<question]
        }
        if let slash = rest.firstIndex(of: "/") {
            let number = rest[rest.index(after: slash)...]
            guard number.isEmpty || Int(number) != nil else {
                throw TypeMismatch(message: "expected the number of a database behind the `/`")
            }
            database = Int(number)
            rest = rest[..<slash]
        }
        let (user, password) = URLParts.credentials(&rest)
        (self.user, self.password) = (user, password)
        hosts = rest.split(separator: ",").map(String.init) + hosts
        if hosts.isEmpty { throw TypeMismatch(message: "expected a host and a port behind the `@`") }
        if topology == .sentinel, sentinelMaster == nil {
            throw TypeMismatch(message: "an address of sentinels needs the option `sentinel_master_name`")
        }
    }

    private mutating func readScheme(_ scheme: String) throws(TypeMismatch) {
        switch scheme {
        case "redis", "tcp": break
        case "rediss": isTLS = true
        case "redis+sentinel": topology = .sentinel
        case "rediss+sentinel": (topology, isTLS) = (.sentinel, true)
        case "redis+cluster": topology = .cluster
        case "rediss+cluster": (topology, isTLS) = (.cluster, true)
        case "unix": throw TypeMismatch(message: "sockets of the file system are not available: give host and port")
        default: throw TypeMismatch(message: "expected a host and a port, or an address that begins with redis://")
        }
    }

    private mutating func readOptions(_ text: Substring) throws(TypeMismatch) {
        // One `?` too many stands in examples of others.
        for option in text.split(whereSeparator: { $0 == "&" || $0 == "?" }) {
            let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = URLParts.decoded(parts.count > 1 ? parts[1] : "")
            switch parts[0] {
            case "addr": hosts.append(value)
            case "tls_enabled": isTLS = isTLS || value == "true" || value == "1"
            case "sentinel_master_name":
                sentinelMaster = value
                topology = .sentinel
            case "sentinel_user": sentinelUser = value
            case "sentinel_password": sentinelPassword = value
            case "connect_timeout", "io_timeout", "force_resp2", "replica_client_enabled", "sentinel_tls_enabled": break
            default: throw TypeMismatch(message: "unknown option `\(parts[0].prefix(40))`")
            }
        }
    }
}

/// Parts that addresses of servers have in common.
enum URLParts {
    /// Takes `user:password@` from the beginning.
    static func credentials(_ rest: inout Substring) -> (user: String?, password: String?) {
        guard let at = rest.lastIndex(of: "@") else { return (nil, nil) }
        let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        rest = rest[rest.index(after: at)...]
        let user = decoded(parts[0])
        return (user.isEmpty ? nil : user, parts.count > 1 ? decoded(parts[1]) : nil)
    }

    /// Without percent signs: RFC 3986, section 2.1. One that encodes nothing stays.
    static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(Substring(rest.prefix(2)), radix: 16), rest.count >= 2 {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// An address as it may be shown: without its password.
    static func shown(_ address: String) -> String {
        var text = address
        if let mark = text.firstRange(of: "://")?.upperBound {
            let end = text[mark...].firstIndex { $0 == "?" } ?? text.endIndex
            if let at = text[mark..<end].lastIndex(of: "@") { text.replaceSubrange(mark..<at, with: "…") }
        }
        guard let option = text.firstRange(of: "sentinel_password=")?.upperBound else { return text }
        let end = text[option...].firstIndex { $0 == "&" || $0 == "?" } ?? text.endIndex
        return text.replacingCharacters(option..<end, with: "…")
    }
}

extension String {
    fileprivate func replacingCharacters(_ range: Range<String.Index>, with text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
