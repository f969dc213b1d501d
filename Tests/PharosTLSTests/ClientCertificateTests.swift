import Testing

@testable import PharosTLS

/// Certificates of clients: asked for, shown, and refused.
@Suite struct ClientCertificateTests {
    let certificates: Certificates

    init() throws { certificates = try Certificates.shared.get() }

    private func pair(
        showing identity: TLSIdentity?, asked authorities: String, versions: ClosedRange<Int32>
    ) throws -> TLSPair {
        let server = try TLSContext.server(
            [certificates.identity()], tickets: TLSTicketKeys(), clientAuthoritiesFile: authorities)
        let client = try TLSContext.client(authoritiesFile: certificates.authority, identity: identity)
        #expect(client.setVersions(versions))
        let pair = try TLSPair(server: server, client: client)
        pair.run()
        return pair
    }

    @Test(arguments: [0x0303...0x0303, 0x0304...0x0304] as [ClosedRange<Int32>])
    func aCertificateOfTheRightAuthorityIsTaken(versions: ClosedRange<Int32>) throws {
        let pair = try pair(
            showing: certificates.identity("other"), asked: certificates.authority, versions: versions)
        #expect(pair.isEstablished)
        #expect(pair.client.send("question"))
        pair.run()
        #expect(pair.server.text == "question")
    }

    @Test func aClientWithoutACertificateIsRefusedWhereOneIsAskedFor() throws {
        let pair = try pair(showing: nil, asked: certificates.authority, versions: 0x0304...0x0304)
        #expect(pair.server.failure == "peer did not return a certificate")
        #expect(pair.client.failure == "tlsv13 alert certificate required")
    }

    @Test func aCertificateOfAnotherAuthorityIsRefused() throws {
        let foreign = try Certificates()
        let pair = try pair(
            showing: foreign.identity(), asked: certificates.authority, versions: 0x0304...0x0304)
        #expect(pair.server.failure == "unable to get local issuer certificate")
        #expect(pair.client.failure == "tlsv1 alert unknown ca")
    }

    @Test func aCertificateIsShownOnlyWhereOneIsAskedFor() throws {
        let pair = try pair(showing: certificates.identity("other"), asked: "", versions: 0x0304...0x0304)
        #expect(pair.isEstablished)
    }

    @Test func aClientThatTrustsAllTakesAnyServer() throws {
        let foreign = try Certificates()
        for (trustsAll, failure) in [(false, "unable to get local issuer certificate"), (true, nil)] {
            let client = try TLSContext.client(authoritiesFile: foreign.authority, trustsAll: trustsAll)
            let pair = try TLSPair(server: try certificates.server("ecdsa"), client: client)
            pair.run()
            #expect(pair.client.failure == failure)
        }
    }

    @Test func certificateAndKeyHaveToBelongTogether() throws {
        let mixed = TLSIdentity(
            certificateFile: certificates.path("ecdsa.pem"), keyFile: certificates.path("other.key"))
        #expect(throws: TLSError.self) { try TLSContext.client(identity: mixed) }
        #expect(throws: TLSError.self) {
            try TLSContext.server(
                [certificates.identity()], tickets: TLSTicketKeys(), clientAuthoritiesFile: "/nowhere.pem")
        }
    }
}
