/// The parts of an `http` or `https` address.
package struct HTTPAddress: Equatable, Sendable {
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    package let isSecure: Bool
    package let host: String
    package let port: Int
    /// Path and query.
    package let target: String
    /// For the `host` field.
    package let authority: String

    /// Whether the host is an IP address: TLS looks for it in the certificate as such.
    package var isNumeric: Bool { host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." } }

    package init(_ text: String) throws(Failure) {
        let rest: Substring
        if text.hasPrefix("https://") {
            isSecure = true
            rest = text.dropFirst(8)
        } else if text.hasPrefix("http://") {
            isSecure = false
            rest = text.dropFirst(7)
        } else {
            throw Failure(description: "the address begins with neither http:// nor https://")
        }
        let defaultPort = isSecure ? 443 : 80
        // A fragment is never sent.
        let sent = rest.prefix { $0 != "#" }
        let end = sent.firstIndex { $0 == "/" || $0 == "?" } ?? sent.endIndex
        let authority = sent[..<end]
        target = sent[end...].first == "/" ? String(sent[end...]) : "/" + sent[end...]
        guard !authority.isEmpty, !authority.contains("@") else {
            throw Failure(description: "the address names no host, or a user")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Failure(description: "the address has spaces or characters that are not ASCII")
        }
        self.authority = String(authority)
        let tail: Substring
        if authority.first == "[" {
            guard let close = authority.firstIndex(of: "]") else {
                throw Failure(description: "the host's bracket is not closed")
            }
            host = String(authority[authority.index(after: authority.startIndex)..<close])
            tail = authority[authority.index(after: close)...]
        } else {
            let colon = authority.firstIndex(of: ":") ?? authority.endIndex
            host = String(authority[..<colon])
            tail = authority[colon...]
        }
        guard !host.isEmpty else { throw Failure(description: "the address names no host") }
        guard !tail.isEmpty else {
            port = defaultPort
            return
        }
        guard tail.first == ":", let number = Int(tail.dropFirst()), (1...65_535).contains(number) else {
            throw Failure(description: "the port is not a number from 1 to 65535")
        }
        port = number
    }
}
