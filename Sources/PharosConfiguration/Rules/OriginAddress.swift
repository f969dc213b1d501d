/// Reads the address of an origin.
enum OriginAddress {
    /// The fault of an address; nil: it has none.
    ///
    /// Never shows the address, which may hold a password.
    static func problem(_ url: String) -> String? {
        let expected = "expected an address such as https://app.example.com/pharos"
        guard let scheme = schemes.first(where: { url.hasPrefix($0.text) }) else {
            return expected + ", beginning with https:// or http://"
        }
        guard url.utf8.count <= 4096, url.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "#") })
        else { return expected + ", without spaces, `#` and characters beyond ASCII" }
        if authority(url.dropFirst(scheme.text.count)).contains("@") {
            return "a password does not belong here: use `static_headers`"
        }
        return endpoint(of: url) == nil ? expected : nil
    }

    /// Its host and port; nil: it leads nowhere.
    static func endpoint(of url: String) -> (host: String, port: Int)? {
        guard let scheme = schemes.first(where: { url.hasPrefix($0.text) }) else { return nil }
        var rest = authority(url.dropFirst(scheme.text.count))
        let host: Substring
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            host = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
            guard NetworkAddress.isAddress(String(host)) else { return nil }
        } else {
            host = rest.prefix { $0 != ":" }
            rest = rest.dropFirst(host.count)
            guard !host.isEmpty, host.utf8.count <= 255 else { return nil }
        }
        if rest.isEmpty { return (String(host), scheme.port) }
        guard rest.first == ":", let port = Int(rest.dropFirst()), (1...65_535).contains(port) else { return nil }
        return (String(host), port)
    }

    private static let schemes = [(text: "https://", port: 443), (text: "http://", port: 80)]

    private static func authority(_ rest: Substring) -> Substring {
        rest.prefix { $0 != "/" && $0 != "?" }
    }
}
