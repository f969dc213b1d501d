import PharosDomain

extension ConfigurationRules {
    mutating func checkOrigins() {
        var seen: Set<OriginName> = []
        for (index, origin) in settings.hooks.origins.enumerated() {
            let section = "origins[\(index)]"
            checkOriginName(origin.name, section, &seen)
            if let problem = OriginAddress.problem(origin.url) { refuse("\(section).url", with: [section], problem) }
            checkHeaders("\(section).http_headers", origin.passes.headers)
            checkHeaders("\(section).emulated_headers", origin.emulatedHeaders)
            checkHeaders("\(section).static_headers", origin.staticHeaders.keys.sorted())
            for (name, value) in origin.staticHeaders
            where !value.utf8.allSatisfy({ $0 == UInt8(ascii: "\t") || (0x20...0x7e).contains($0) }) {
                refuse(
                    "\(section).static_headers",
                    "the value of `\(name.text.prefix(80))` has characters that no header may have")
            }
            if !origin.certificateAuthority.isEmpty, !TextFile.isReadable(origin.certificateAuthority) {
                refuse("\(section).ca_file", "cannot read `\(origin.certificateAuthority.prefix(200))`")
            }
            for name in origin.passes.cookies where name.isEmpty || !name.utf8.allSatisfy(Self.isTokenByte) {
                refuse("\(section).http_cookies", "not the name of a cookie: `\(name.text.prefix(80))`")
            }
            for name in origin.passes.query where name.isEmpty {
                refuse("\(section).http_query", "expected names of parameters, found an empty one")
            }
        }
    }

    private mutating func checkOriginName(_ name: OriginName, _ section: String, _ seen: inout Set<OriginName>) {
        let key = "\(section).name"
        let isValid =
            (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
        if !isValid {
            let found = name.isEmpty ? "none" : "`\(name.text.prefix(80))`"
            refuse(key, with: [section], "expected 1 to 64 letters, digits, `-`, `_`, found \(found)")
        } else if !seen.insert(name).inserted {
            refuse(key, with: [section], "a second origin `\(name)`")
        }
    }

    private mutating func checkHeaders(_ key: String, _ names: [FieldName]) {
        for name in names {
            let lower = name.asciiLowercased
            if name.isEmpty || !name.utf8.allSatisfy(Self.isTokenByte) {
                refuse(key, "not the name of a header: `\(name.text.prefix(80))`")
            } else if Self.isOwnHeader(name) {
                // A client that could send one of these could speak in the name of this server, or break its requests.
                refuse(key, "`\(name)` belongs to the request itself and cannot be passed on")
            } else if lower == "cookie", !key.hasSuffix("static_headers") {
                refuse(key, "list the names of the cookies in `http_cookies`")
            }
        }
    }

    /// Whether a header is a part of each request to an origin.
    ///
    /// No client has a say in such headers.
    static func isOwnHeader(_ name: FieldName) -> Bool {
        let lower = name.asciiLowercased
        return ownHeaders.contains(lower) || ownPrefixes.contains { lower.hasPrefix($0) }
    }

    private static let ownHeaders: Set<FieldName> = [
        "accept-encoding", "connection", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding",
        "upgrade",
    ]
    private static let ownPrefixes: [FieldName] = [
        "ce-", "content-", "proxy-", "sec-websocket-", "webhook-", "x-pharos-",
    ]

    /// Of a token, RFC 9110, section 5.6.2.
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
