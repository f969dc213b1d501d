import CPharosSys

/// The address of a server for a command-line client.
///
/// `ws://` and `http://` addresses have a numeric host.
struct WireClientAddress: Equatable, Sendable {
    /// A numeric IPv4 or IPv6 address, without brackets.
    var host: String
    var port: UInt16
    /// Path and query; starts with a slash.
    var path: String

    /// The value of the `Host` header.
    var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    init(host: String, port: UInt16, path: String = "/") {
        self.host = host
        self.port = port
        self.path = path
    }

    /// - Parameter defaultPath: taken where the URL has none.
    init(_ url: String, defaultPath: String) throws(WireClientError) {
        guard let schemeEnd = url.firstRange(of: "://") else {
            throw WireClientError("\(url) is not a URL such as http://127.0.0.1:8000")
        }
        switch url[..<schemeEnd.lowerBound].lowercased() {
        case "ws", "http": break
        case "wss", "https": throw WireClientError("\(url): TLS is not spoken here; use the server's plain port")
        default: throw WireClientError("\(url): the scheme must be ws or http")
        }
        let rest = url[schemeEnd.upperBound...]
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        path = String(rest[authorityEnd...])
        if path.isEmpty || path == "/" { path = defaultPath }
        if path.hasPrefix("?") { path = "/" + path }
        // The path becomes part of a request's first line as it is.
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw WireClientError("\(url): the path may hold no spaces and only ASCII characters")
        }
        (host, port) = try WireClientAddress.split(rest[..<authorityEnd], url)
    }

    private static func split(_ authority: Substring, _ url: String) throws(WireClientError) -> (String, UInt16) {
        var host = authority
        var port: UInt16? = 80
        if authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") {
            host = authority[authority.index(after: authority.startIndex)..<bracket]
            let rest = authority[authority.index(after: bracket)...]
            if !rest.isEmpty { port = rest.hasPrefix(":") ? UInt16(rest.dropFirst()) : nil }
        } else if let colon = authority.lastIndex(of: ":") {
            host = authority[..<colon]
            port = UInt16(authority[authority.index(after: colon)...])
        }
        guard let port, port > 0 else { throw WireClientError("\(url): the port must be a number from 1 to 65535") }
        if host == "localhost" { host = "127.0.0.1" }
        guard host.utf8.allSatisfy({ $0.isHostDigit }), !host.isEmpty else {
            throw WireClientError("\(url): the host must be an IP address or localhost; names are not looked up")
        }
        return (String(host), port)
    }
}

extension UInt8 {
    /// Whether it may stand in a numeric address.
    fileprivate var isHostDigit: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "."), UInt8(ascii: ":"):
            true
        default: false
        }
    }
}
