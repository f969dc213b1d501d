import Testing

@testable import PharosTLS

/// The inputs that a server's session refuses, and their cost.
@Suite struct RefusalTests {
    let certificates: Certificates

    init() throws { certificates = try Certificates.shared.get() }

    private func pair(
        client versions: ClosedRange<Int32> = 0x0303...0x0304, server names: String = "ecdsa"
    ) throws -> TLSPair {
        let client = try certificates.client()
        #expect(client.setVersions(versions))
        let pair = try TLSPair(server: try certificates.server(names), client: client)
        pair.run()
        return pair
    }

    @Test(arguments: [Int32(0x0301), 0x0302]) func oldVersionsAreRefused(version: Int32) throws {
        let pair = try pair(client: version...version)
        #expect(!pair.isEstablished)
        #expect(pair.server.failure == "unsupported protocol")
        #expect(pair.client.failure == "tlsv1 alert protocol version")
    }

    @Test func otherProtocolsAreRefused() throws {
        let pair = try TLSPair(
            server: try certificates.server("ecdsa"), client: try certificates.client(protocols: ["h2", "acme-tls/1"]))
        pair.run()
        #expect(pair.server.failure == "no application protocol")
        #expect(pair.client.failure == "tlsv1 alert no application protocol")
    }

    @Test func theServersPreferenceDecides() throws {
        let pair = try TLSPair(
            server: try certificates.server("ecdsa", protocols: ["h2", "http/1.1"]),
            client: try certificates.client(protocols: ["http/1.1", "h2"]))
        pair.run()
        #expect(pair.isEstablished)
        #expect(pair.server.session.selectedProtocol == "h2")
    }

    @Test func noProtocolNeedBeOffered() throws {
        let pair = try pair()
        #expect(pair.isEstablished)
        #expect(pair.server.session.selectedProtocol == "")
    }

    @Test func renegotiationIsRefusedAndTheSessionGoesOn() throws {
        let pair = try pair(client: 0x0303...0x0303)
        #expect(pair.client.send("before"))
        #expect(pair.client.rekey())
        pair.server.receive(pair.client.take())
        #expect(pair.server.text == "before")
        // A warning, no second handshake.
        let warning = pair.server.take()
        #expect(warning.first == 21)
        #expect(warning.count < 64)
        #expect(pair.server.status == .open)
        #expect(pair.server.send("still here"))
    }

    @Test func newKeysAreTakenAndCounted() throws {
        let pair = try pair(client: 0x0304...0x0304)
        for round in 0..<100 {
            #expect(pair.client.rekey())
            #expect(pair.client.send("\(round % 10)"))
            pair.run()
        }
        #expect(pair.server.received.count == 100)
        #expect(pair.server.status == .open)
        // Each costs as much as many messages: a row of them without data ends the session.
        for _ in 0..<40 { #expect(pair.client.rekey()) }
        pair.server.receive(pair.client.take())
        #expect(pair.server.failure == "too many records without data")
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\u{16}\u{3}\u{1}\u{0}\u{5}hello",
        String(repeating: "\u{0}", count: 100), "\u{17}\u{3}\u{3}\u{0}\u{5}hello", "\u{14}\u{3}\u{3}\u{0}\u{1}\u{1}",
    ]) func otherThanAHandshakeIsRefused(text: String) throws {
        let whole = try fresh()
        whole.receive(Array(text.utf8))
        #expect(whole.failure != nil)
        #expect(whole.received.isEmpty)
        // At most an alert.
        #expect(whole.take().count <= 7)
        let pieces = try fresh()
        for byte in text.utf8 { pieces.receive([byte]) }
        #expect(pieces.failure == whole.failure)
        // It stays so, whatever comes.
        whole.receive([UInt8](repeating: 22, count: 1_000))
        #expect(whole.failure != nil)
        #expect(!whole.hasOutput)
        #expect(!whole.send("anything"))
    }

    @Test func aHandshakeWithoutEndIsRefused() throws {
        // A hello of 100,000 bytes in records of 4,096: OpenSSL itself would keep all of it.
        let server = try fresh()
        server.receive([22, 3, 1, 16, 0, 1, 1, 0x86, 0xA0] + [UInt8](repeating: 0, count: 4_092))
        var records = 1
        while server.status == .open, records < 100 {
            server.receive([22, 3, 1, 16, 0] + [UInt8](repeating: 0, count: 4_096))
            records += 1
        }
        #expect(server.failure == "the handshake is too long")
        #expect(records * 4_101 < 32_768 + 2 * 4_101)
    }

    @Test(arguments: [Int32(0x0303), 0x0304]) func changedRecordsAreRefused(version: Int32) throws {
        let template = try pair(client: version...version)
        #expect(template.client.send("transfer 100"))
        let count = template.client.take().count
        for place in 0..<count {
            let pair = try pair(client: version...version)
            #expect(pair.client.send("transfer 100"))
            var record = pair.client.take()
            record[place] ^= 1
            pair.server.receive(record)
            #expect(pair.server.received.isEmpty)
            // A longer record may still be on its way.
            if place < 3 || place > 4 { #expect(pair.server.failure != nil, "byte \(place)") }
        }
    }

    @Test func aRecordCountsOnlyWhenItIsWhole() throws {
        let pair = try pair()
        #expect(pair.client.send("question"))
        let record = pair.client.take()
        pair.server.receive(record.dropLast())
        #expect(pair.server.received.isEmpty)
        #expect(pair.server.status == .open)
        pair.server.receive(record.suffix(1))
        #expect(pair.server.text == "question")
        // Said twice, it is not heard twice.
        pair.server.receive(record)
        #expect(pair.server.text == "question")
        #expect(pair.server.failure != nil)
    }

    private func fresh() throws -> TLSSide {
        try #require(TLSSide(accepting: try certificates.server("ecdsa")))
    }
}
