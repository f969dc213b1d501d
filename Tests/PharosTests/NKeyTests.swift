import Testing

@testable import Pharos

@Suite("nkeys of NATS")
struct NKeyTests {
    /// The pair in NATS' documentation, "NKeys".
    private static let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
    private static let publicText = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"

    @Test("the public key of a seed is the one that NATS' own tool says")
    func publicKey() throws {
        let key = try NKey(seed: NKeyTests.seed)
        #expect(key.publicText == NKeyTests.publicText)
        // 64 bytes in base64 without padding.
        #expect(key.sign("a nonce").utf8.count == 86)
        #expect(key.sign("a nonce") == key.sign("a nonce"))
    }

    @Test("what is no seed is refused", arguments: ["", "S", "UDXU4RCS", publicText, String(seed.dropLast()) + "A"])
    func malformed(_ text: String) {
        #expect(throws: NKey.Fault.self) { try NKey(seed: text) }
    }
}
