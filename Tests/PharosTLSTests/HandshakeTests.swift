import Testing

@testable import PharosTLS

/// Handshakes, and what is agreed on in them.
@Suite struct HandshakeTests {
    let certificates: Certificates

    init() throws { certificates = try Certificates.shared.get() }

    static let versions: [(range: ClosedRange<Int32>, name: String)] = [
        (0x0303...0x0303, "TLSv1.2"), (0x0304...0x0304, "TLSv1.3"), (0x0303...0x0304, "TLSv1.3"),
    ]

    @Test(arguments: Certificates.Key.allCases, versions.indices)
    func everyKindOfKeyAndVersion(key: Certificates.Key, version: Int) throws {
        let client = try certificates.client(protocols: ["http/1.1"])
        #expect(client.setVersions(Self.versions[version].range))
        let pair = try TLSPair(server: try certificates.server(key.rawValue), client: client)
        pair.run()
        #expect(pair.isEstablished)
        #expect(pair.server.session.version == Self.versions[version].name)
        #expect(pair.server.session.selectedProtocol == "http/1.1")
        #expect(pair.server.selected("http/1.1"))
        #expect(!pair.server.selected("h2"))
        #expect(pair.server.session.serverName == "localhost")
        #expect(pair.client.send("question"))
        #expect(pair.server.send("answer"))
        pair.run()
        #expect(pair.server.text == "question")
        #expect(pair.client.text == "answer")
    }

    @Test(arguments: versions.indices)
    func bytesMayArriveInAnyPieces(version: Int) throws {
        let client = try certificates.client()
        #expect(client.setVersions(Self.versions[version].range))
        let server = try certificates.server("ecdsa")
        for piece in [1, 2, 3, 5, 7, 64, 1_000] {
            let pair = try TLSPair(server: server, client: client)
            pair.run(piece: piece)
            #expect(pair.client.send("question"))
            #expect(pair.server.send("answer"))
            pair.run(piece: piece)
            #expect(pair.server.text == "question")
            #expect(pair.client.text == "answer")
        }
    }

    @Test func nothingIsSentBeforeTheHandshakeIsDone() throws {
        let pair = try TLSPair(server: try certificates.server("ecdsa"), client: try certificates.client())
        #expect(!pair.server.send("too early"))
        #expect(!pair.server.hasOutput)
    }
}
