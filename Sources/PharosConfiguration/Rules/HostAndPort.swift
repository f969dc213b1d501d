/// A host and a port, as links are given them.
package struct HostAndPort: Equatable, Sendable {
    package var host: String
    package var port: UInt16

    /// Reads `host:port` or `[address]:port`.
    ///
    /// - Parameter port: where none is given; nil: one has to be.
    package init?(_ text: String, port usual: UInt16?) {
        var rest = Substring(text)
        let host: Substring
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            host = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
            guard NetworkAddress.isAddress(String(host)) else { return nil }
        } else {
            host = rest.prefix { $0 != ":" }
            rest = rest.dropFirst(host.count)
        }
        let isName = host.utf8.allSatisfy {
            $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "@")
        }
        guard !host.isEmpty, host.utf8.count <= 255, isName else { return nil }
        self.host = String(host)
        if rest.isEmpty, let usual {
            self.port = usual
        } else {
            guard rest.first == ":", let number = UInt16(rest.dropFirst()), number > 0 else { return nil }
            self.port = number
        }
    }

    /// Reads `nats://host:port`; the scheme may be missing.
    package init?(natsURL url: String) {
        var rest = url
        for scheme in ["nats://", "tls://"] where url.hasPrefix(scheme) { rest = String(url.dropFirst(scheme.count)) }
        if rest.hasSuffix("/") { rest.removeLast() }
        self.init(rest, port: 4222)
    }

    /// Reads `host:port` or `redis://host:port`.
    package init?(redisAddress text: String) {
        var rest = text
        for scheme in ["redis://", "rediss://"] where text.hasPrefix(scheme) {
            rest = String(text.dropFirst(scheme.count))
        }
        if rest.hasSuffix("/") { rest.removeLast() }
        self.init(rest, port: 6379)
    }
}
