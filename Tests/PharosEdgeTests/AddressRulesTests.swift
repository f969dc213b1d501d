import PharosEdge
import Testing

@Suite("address rules")
struct AddressRulesTests {
    private static let blocks = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"]

    private func client(_ blocks: [String], peer: String, _ forwardedFor: String?) throws -> String {
        let rules = try AddressRules(blocks: blocks)
        guard let forwardedFor else { return rules.clientAddress(peer: peer, forwardedFor: nil) }
        return Array(forwardedFor.utf8).withUnsafeBytes { rules.clientAddress(peer: peer, forwardedFor: $0) }
    }

    @Test(
        "addresses are in a block or not",
        arguments: [
            ("10.0.0.0", true), ("10.255.255.255", true), ("11.0.0.0", false), ("9.255.255.255", false),
            ("192.0.2.7", true),
            ("192.0.2.6", false), ("::ffff:10.1.2.3", true), ("2001:db8:ffff::1", true), ("2001:db9::", false),
            ("::1", true),
            ("0:0:0:0:0:0:0:1", true), ("::2", false), ("::10.1.2.3", false), ("localhost", false), ("", false),
            ("10.0.0", false),
            ("10.0.0.0/8", false), ("10.0.0.1 ", false),
        ])
    func contains(address: String, isIn: Bool) throws {
        #expect(try AddressRules(blocks: Self.blocks).contains(address) == isIn)
    }

    @Test("a prefix of 0 holds its whole family")
    func wholeFamily() throws {
        #expect(try AddressRules(blocks: ["0.0.0.0/0"]).contains("203.0.113.9"))
        #expect(try !AddressRules(blocks: ["0.0.0.0/0"]).contains("2001:db8::1"))
        #expect(try AddressRules(blocks: ["::/0"]).contains("2001:db8::1"))
        #expect(try AddressRules(blocks: ["192.0.2.7/32"]).contains("192.0.2.7"))
    }

    @Test("entries that are no address or block are refused, each with its reason")
    func mistakes() {
        #expect(throws: AddressRulesError.invalidAddress("proxy.local")) { try AddressRules(blocks: ["proxy.local"]) }
        #expect(throws: AddressRulesError.invalidAddress("")) { try AddressRules(blocks: ["::1", ""]) }
        for text in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "::/129", "::/+1"] {
            #expect(throws: AddressRulesError.invalidPrefixLength(text)) { try AddressRules(blocks: [text]) }
        }
        #expect(throws: AddressRulesError.hasHostBits("10.0.0.1/8")) { try AddressRules(blocks: ["10.0.0.1/8"]) }
        #expect(throws: AddressRulesError.hasHostBits("::1/0")) { try AddressRules(blocks: ["::1/0"]) }
    }

    @Test("GE-8: X-Forwarded-For of a peer that is no configured proxy is not believed")
    func notAProxy() throws {
        #expect(try client([], peer: "198.51.100.1", "203.0.113.9") == "198.51.100.1")
        #expect(try client(["10.0.0.0/8"], peer: "198.51.100.1", "203.0.113.9") == "198.51.100.1")
        #expect(try client(["10.0.0.0/8"], peer: "10.0.0.1", nil) == "10.0.0.1")
    }

    @Test(
        "GE-8: the client is the right-most address that is no proxy",
        arguments: [
            ("203.0.113.9", "203.0.113.9"), ("1.1.1.1, 203.0.113.9", "203.0.113.9"),
            ("1.1.1.1,203.0.113.9 , 10.0.0.2,\t10.0.0.3", "203.0.113.9"), ("10.0.0.4, 10.0.0.2", "10.0.0.4"),
            ("203.0.113.9:4711", "203.0.113.9"), ("[2001:DB8:0::9]:4711", "2001:db8::9"),
            ("2001:db8::9", "2001:db8::9"),
            ("::ffff:203.0.113.9", "203.0.113.9"), ("fe80::1%eth0", "fe80::1"),
        ])
    func forwarded(header: String, expected: String) throws {
        #expect(try client(["10.0.0.0/8"], peer: "10.0.0.1", header) == expected)
    }

    @Test(
        "GE-8: what is no address ends the search at the proxy that passed it on",
        arguments: [
            ("", "10.0.0.1"), ("unknown", "10.0.0.1"), ("203.0.113.9, unknown", "10.0.0.1"),
            ("unknown, 10.0.0.2", "10.0.0.2"),
            ("203.0.113.9,", "10.0.0.1"), ("[2001:db8::9", "10.0.0.1"), ("[2001:db8::9]x", "10.0.0.1"),
            ("203.0.113.9\u{e9}", "10.0.0.1"),
        ])
    func garbage(header: String, expected: String) throws {
        #expect(try client(["10.0.0.0/8"], peer: "10.0.0.1", header) == expected)
    }

    @Test("GE-8: a line of the client's own does not hide the one that the proxy added")
    func severalLines() throws {
        let rules = try AddressRules(blocks: ["10.0.0.0/8"])
        func client(_ lines: String) -> String? {
            Array("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n".utf8).withUnsafeBytes { bytes in
                guard case .complete(let head) = RequestHead.parse(bytes, limit: 8_192) else { return nil }
                return rules.clientAddress(peer: "10.0.0.1", head: head)
            }
        }
        #expect(client("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 203.0.113.9\r\n") == "203.0.113.9")
        #expect(client("") == "10.0.0.1")
    }
}
