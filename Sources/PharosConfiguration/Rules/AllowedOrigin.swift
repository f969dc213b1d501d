import Glibc

/// The spelling of an entry of `client.allowed_origins`.
///
/// It must match the spelling of browsers.
///
/// A browser sends scheme, host and, unless it is the scheme's own, the port, all in lower case: RFC 6454, section 6.2. An
/// entry that is spelled otherwise matches nothing for ever, and the page's owner sees a 403 without a reason. `*` stands
/// for any characters, so that what a wildcard covers is not judged.
enum AllowedOrigin {
    /// The spelling of an entry that can match an origin.
    ///
    /// - Returns: `entry` itself if it may match; otherwise the spelling that was probably meant, or nil if none is near.
    static func corrected(_ entry: String) -> String? {
        // Hosts that are not ASCII are sent in punycode: that spelling is not guessed here.
        guard !entry.isEmpty, entry.utf8.count <= 2_048, entry.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            return nil
        }
        let text = entry.lowercased()
        if text == "null" || text == "self" || text == "loopback" { return text }
        guard let mark = text.firstRange(of: "://") else { return withoutScheme(text) }
        var scheme = String(text[..<mark.lowerBound])
        // Nothing but letters, digits and these: RFC 3986, section 3.1.
        guard !scheme.isEmpty, scheme.utf8.allSatisfy({ isLetterOrDigit($0) || "+-.*".utf8.contains($0) }) else {
            return nil
        }
        // The page that opens a WebSocket came by HTTP.
        if scheme == "ws" { scheme = "http" }
        if scheme == "wss" { scheme = "https" }
        guard let authority = authority(String(text[mark.upperBound...]), scheme: scheme) else { return nil }
        return "\(scheme)://\(authority)"
    }

    /// The entry as it may be shown: a password in it is left out.
    static func shown(_ entry: String) -> String {
        let entry = entry.prefix(200)
        guard let at = entry.lastIndex(of: "@") else { return String(entry) }
        let start = entry.firstRange(of: "://")?.upperBound ?? entry.startIndex
        return start <= at ? "\(entry[..<start])…\(entry[at...])" : String(entry)
    }

    /// A wildcard may cover the scheme; otherwise it was forgotten.
    private static func withoutScheme(_ text: String) -> String? {
        guard let star = text.firstIndex(of: "*") else {
            for scheme in ["https", "http"] where text.hasPrefix("\(scheme):") {
                let rest = text.dropFirst(scheme.count + 1).drop { $0 == "/" }
                return authority(String(rest), scheme: scheme).map { "\(scheme)://\($0)" }
            }
            let host = String(text.drop { $0 == "/" })
            // Pages under development seldom come by TLS.
            let isLocal = ["localhost", "127.", "[::1]"].contains { host.hasPrefix($0) }
            let scheme = isLocal ? "http" : "https"
            return authority(host, scheme: scheme).map { "\(scheme)://\($0)" }
        }
        let literal = text[..<star]
        guard ["http://", "https://"].contains(where: { $0.hasPrefix(literal) }) else {
            return authority(text, scheme: "*").map { "*://\($0)" }
        }
        // The rest is the end of a scheme, then of an authority: `*//a.example`, `*.a.example`, `http*`.
        let rest = text[text.index(after: star)...]
        if rest.hasPrefix("//") {
            return authority(String(rest.dropFirst(2)), scheme: "*").map { "\(literal)*//\($0)" }
        }
        return authority("*" + rest, scheme: "*").map { "\(literal)\($0)" }
    }

    /// The host and the port of an origin, corrected.
    ///
    /// - Returns: host and port without what no origin has; nil: no host is left, or none that could be.
    private static func authority(_ text: String, scheme: String) -> String? {
        var rest = text.prefix { !"/?#\\".contains($0) }
        if let at = rest.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
        let host: String
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]"),
                let address = sixGroups(rest[rest.index(after: rest.startIndex)..<end])
            else { return nil }
            host = "[\(address)]"
            rest = rest[rest.index(after: end)...]
        } else {
            let name = rest.prefix { $0 != ":" }
            guard name.utf8.allSatisfy({ isLetterOrDigit($0) || "-._*".utf8.contains($0) }) else { return nil }
            // Pages of a program's own scheme may have no host: `file://`.
            guard !name.isEmpty || scheme != "http" && scheme != "https" && rest.isEmpty else { return nil }
            host = name.contains("*") ? String(name) : dotted(String(name))
            rest = rest.dropFirst(name.count)
        }
        guard !rest.isEmpty else { return host }
        guard rest.first == ":" else { return nil }
        let port = rest.dropFirst()
        if port.contains("*") {
            return port.utf8.allSatisfy { $0 == UInt8(ascii: "*") || isDigit($0) } ? "\(host):\(port)" : nil
        }
        guard port.utf8.count <= 5, port.utf8.allSatisfy(isDigit), let number = Int(port.isEmpty ? "0" : port),
            number <= 65_535
        else { return nil }
        let own = ["http": 80, "https": 443][scheme]
        return port.isEmpty || number == own ? host : "\(host):\(number)"
    }

    /// An IPv6 address as browsers write it, RFC 5952; nil: it is none.
    private static func sixGroups(_ text: Substring) -> String? {
        if text.contains("*") {
            return text.utf8.allSatisfy { isLetterOrDigit($0) || "*:.".utf8.contains($0) } ? String(text) : nil
        }
        var address = in6_addr()
        guard inet_pton(AF_INET6, String(text), &address) == 1 else { return nil }
        let words = withUnsafeBytes(of: address) { bytes in
            stride(from: 0, to: 16, by: 2).map { Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]) }
        }
        // Browsers never write the last four bytes in decimals, unlike the system's own function.
        var longest = 0..<0
        var start = 0
        while start < 8 {
            let end = words[start...].firstIndex { $0 != 0 } ?? 8
            if end - start > longest.count { longest = start..<end }
            start = max(end, start) + 1
        }
        func joined(_ part: ArraySlice<Int>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        guard longest.count > 1 else { return joined(words[...]) }
        return "\(joined(words[..<longest.lowerBound]))::\(joined(words[longest.upperBound...]))"
    }

    /// A host in numbers as browsers write it.
    ///
    /// It becomes four decimals, whatever form it was given in. Others stay as they are.
    private static func dotted(_ host: String) -> String {
        let last = host.split(separator: ".").last ?? ""
        guard last.utf8.first.map(isDigit) == true,
            last.utf8.allSatisfy(isDigit) || last.hasPrefix("0x")
        else { return host }
        var address = in_addr()
        guard inet_aton(host, &address) != 0 else { return host }
        return withUnsafeBytes(of: address) { $0.map { String($0) }.joined(separator: ".") }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
    }
}
