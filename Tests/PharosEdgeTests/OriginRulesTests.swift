import PharosEdge
import Testing

@Suite("origin rules")
struct OriginRulesTests {
    private func allows(_ globs: [String], _ origin: String, host: String = "example.com") -> Bool {
        Array(origin.utf8).withUnsafeBytes { origin in
            Array(host.utf8).withUnsafeBytes { OriginRules(globs: globs).allows(origin, host: $0) }
        }
    }

    private func allows(_ globs: [String], lines: String) -> Bool? {
        Array("GET / HTTP/1.1\r\nHost: a.example\r\n\(lines)\r\n".utf8).withUnsafeBytes { bytes in
            guard case .complete(let head) = RequestHead.parse(bytes, limit: 8_192) else { return nil }
            return OriginRules(globs: globs).allows(head)
        }
    }

    @Test("an empty list refuses every origin, the request's own host too")
    func empty() {
        #expect(!allows([], "https://example.com"))
        #expect(!allows([], "null"))
        #expect(!allows([], ""))
    }

    @Test("a star alone allows all")
    func star() {
        #expect(allows(["*"], "https://anything.example:1234"))
        #expect(allows(["*"], "null"))
    }

    @Test("an entry without a star is the whole origin, in any case")
    func exact() {
        #expect(allows(["https://Example.com"], "HTTPS://example.COM"))
        #expect(!allows(["https://example.com"], "https://example.com.evil.net"))
        #expect(!allows(["https://example.com"], "https://example.com:8443"))
        #expect(!allows(["https://example.com"], "http://example.com"))
        #expect(!allows(["example.com"], "https://example.com"))
        #expect(!allows([""], "https://example.com"))
    }

    @Test(
        "a star stands for any characters at its place",
        arguments: [
            ("https://*.example.com", "https://a.example.com", true),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://a.example.com.evil.net", false),
            ("https://*.example.com", "https://aexample.com", false),
            ("http*://localhost:*", "http://localhost:3000", true),
            ("http*://localhost:*", "https://localhost:", true),
            ("http*://localhost:*", "http://localhost", false),
            ("*a*b*", "xaxbx", true), ("*a*b*", "xbxax", false), ("a*a", "a", false), ("a*a", "aa", true),
            ("*ab*b", "ab", false), ("*ab*b", "abb", true), ("**", "", true), ("a**b", "ab", true),
        ])
    func globs(glob: String, origin: String, isAllowed: Bool) {
        #expect(allows([glob], origin) == isAllowed)
    }

    @Test("any entry that fits is enough")
    func several() {
        let globs = ["https://a.example", "https://b.example"]
        #expect(allows(globs, "https://b.example"))
        #expect(!allows(globs, "https://c.example"))
    }

    @Test("self allows pages of the host that the request names, and no others")
    func own() {
        #expect(allows(["self"], "http://Example.com:8000", host: "example.com:8000"))
        #expect(allows(["self"], "https://example.com", host: "example.com"))
        #expect(!allows(["self"], "https://example.com:8443", host: "example.com"))
        #expect(!allows(["self"], "https://evil.net", host: "example.com"))
        #expect(!allows(["self"], "https://evilexample.com", host: "example.com"))
        #expect(!allows(["self"], "https://", host: ""))
        #expect(!allows(["https://other.example"], "https://example.com", host: "example.com"))
    }

    @Test("a request without the header is allowed, one with two is not")
    func requests() {
        #expect(allows([], lines: "") == true)
        #expect(allows([], lines: "Origin: https://a.example\r\n") == false)
        #expect(allows(["self"], lines: "Origin: https://a.example\r\n") == true)
        #expect(allows(["*"], lines: "Origin: https://a.example\r\norigin: https://b.example\r\n") == false)
    }

    @Test("loopback allows pages of this machine on any port, and no others")
    func loopback() {
        for origin in ["http://localhost:5173", "https://127.0.0.1:8443", "http://[::1]", "http://app.localhost:1"] {
            #expect(allows(["loopback"], origin))
            #expect(!allows(["self"], origin))
        }
        for origin in ["http://evil.example", "http://localhost.evil.example", "null", "http://10.0.0.1:8000"] {
            #expect(!allows(["loopback"], origin))
        }
        #expect(allows(["loopback", "https://a.example"], "https://a.example"))
    }

    @Test(
        "a request without an origin that a browser calls another site's is refused",
        arguments: [
            ("same-origin", true), ("none", true), ("None", true), ("same-site", false), ("cross-site", false),
            ("", false), ("whatever", false), ("none\r\nSec-Fetch-Site: none", false),
        ])
    func fetchMetadata(site: String, isAllowed: Bool) {
        let line = "Sec-Fetch-Site: \(site)\r\n"
        #expect(allows([], lines: line) == isAllowed)
        #expect(allows(["*"], lines: line) == isAllowed)
        // With an origin the list alone decides.
        #expect(allows(["https://a.example"], lines: line + "Origin: https://a.example\r\n") == true)
        #expect(allows([], lines: line + "Origin: https://a.example\r\n") == false)
    }
}
