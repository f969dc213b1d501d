import Foundation
import Testing

@testable import PharosTLS

/// Which certificate is shown, whom a client believes, and what survives a reload.
@Suite struct IdentityTests {
    let certificates: Certificates

    init() throws { certificates = try Certificates.shared.get() }

    /// Whether a client of `host` gets a certificate that it believes.
    ///
    /// It also says whether the client asked for one of the names.
    private func isBelieved(_ host: String, by server: TLSContext) throws -> Bool {
        let pair = try TLSPair(server: server, client: try certificates.client(), host: host)
        pair.run()
        return pair.isEstablished
    }

    @Test func theNameChoosesTheCertificate() throws {
        // "other.example.org" is in the wildcard as well: the exact name goes first.
        let server = try certificates.server("ecdsa", "other")
        for host in ["localhost", "other.example.org", "OTHER.Example.org", "any.example.org"] {
            #expect(try isBelieved(host, by: server), "\(host)")
        }
        for host in ["example.org", "a.b.example.org", "unknown", "xexample.org"] {
            #expect(try !isBelieved(host, by: server), "\(host)")
        }
        // Only the order decides who is the default, not the choice by name.
        let reversed = try certificates.server("other", "ecdsa")
        #expect(try isBelieved("localhost", by: reversed))
        #expect(try isBelieved("other.example.org", by: reversed))
    }

    @Test func namesOfTheSettingsGoBeforeTheCertificates() throws {
        let server = try TLSContext.server(
            [certificates.identity("other"), certificates.identity("ecdsa", names: ["localhost"])],
            tickets: try TLSTicketKeys())
        #expect(try isBelieved("localhost", by: server))
        // The second one has the wildcard, but is not shown for it.
        #expect(try !isBelieved("any.example.org", by: server))
    }

    @Test func namesInTheCertificateAreRead() throws {
        let server = try certificates.server("ecdsa")
        #expect(server.certificateNames == ["localhost", "*.example.org"])
        let end = try #require(server.notAfter)
        #expect(abs(Double(end) - Date().timeIntervalSince1970 - 2 * 86_400) < 3_600)
    }

    // MARK: Whom a client believes

    @Test func anotherHostsCertificateIsRefused() throws {
        let pair = try TLSPair(
            server: try certificates.server("other"), client: try certificates.client(), host: "localhost")
        pair.run()
        #expect(pair.client.failure == "hostname mismatch")
        #expect(pair.server.failure != nil)
    }

    @Test func addressesAreComparedAsAddresses() throws {
        let server = try context("addresses", names: ["IP:127.0.0.1", "IP:::1"])
        let client = try certificates.client()
        for (host, isBelieved) in [("127.0.0.1", true), ("::1", true), ("127.0.0.2", false)] {
            let side = try #require(TLSSide(connecting: client, to: host, isAddress: true))
            let pair = try TLSPair(server: server, client: side)
            pair.run()
            #expect(pair.isEstablished == isBelieved, "\(host)")
            #expect(pair.server.session.serverName == nil)
            if !isBelieved { #expect(pair.client.failure == "IP address mismatch") }
        }
        let noAddress = TLSSide(connecting: client, to: "localhost", isAddress: true)
        #expect(noAddress == nil)
        let noName = TLSSide(connecting: client, to: "")
        #expect(noName == nil)
    }

    @Test func expiredCertificatesAreRefused() throws {
        let server = try context("expired", names: ["localhost"], days: -1)
        let pair = try TLSPair(server: server, client: try certificates.client())
        pair.run()
        #expect(pair.client.failure == "certificate has expired")
    }

    @Test func selfSignedCertificatesAreRefused() throws {
        try certificates.openssl(
            [
                "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost",
            ]
                + Certificates.Key.ecdsa.arguments
                + ["-keyout", certificates.path("self.key"), "-out", certificates.path("self.pem")])
        let pair = try TLSPair(server: try certificates.server("self"), client: try certificates.client())
        pair.run()
        #expect(pair.client.failure == "self-signed certificate")
        if case .failed(let failure) = pair.client.status { #expect(failure.isAboutCertificate) }
    }

    @Test func theSystemsAuthoritiesDoNotKnowOurs() throws {
        let pair = try TLSPair(server: try certificates.server("ecdsa"), client: try TLSContext.client())
        pair.run()
        #expect(pair.client.failure == "unable to get local issuer certificate")
        #expect(pair.server.failure == "tlsv1 alert unknown ca")
    }

    private func context(_ name: String, names: [String], days: Int = 2) throws -> TLSContext {
        try certificates.issue(name, key: .ecdsa, names: names, days: days)
        return try certificates.server(name)
    }

    // MARK: Resumption

    private func resumption(from server: TLSContext, _ client: TLSContext) throws -> TLSResumption {
        let pair = try TLSPair(server: server, client: client)
        pair.run()
        #expect(!pair.client.isResumed)
        return try #require(pair.client.resumption)
    }

    private func isResumed(
        _ resumption: TLSResumption, by server: TLSContext, _ client: TLSContext
    ) throws -> Bool {
        let pair = try TLSPair(server: server, client: client, resuming: resumption)
        pair.run()
        #expect(pair.isEstablished)
        #expect(pair.client.isResumed == pair.server.isResumed)
        #expect(pair.client.send("question"))
        pair.run()
        #expect(pair.server.text == "question")
        return pair.server.isResumed
    }

    @Test(arguments: [Int32(0x0303), 0x0304]) func sessionsAreResumedAfterAReload(version: Int32) throws {
        let client = try certificates.client()
        #expect(client.setVersions(version...version))
        let tickets = try TLSTicketKeys()
        let before = try certificates.server("ecdsa", tickets: tickets)
        let resumption = try resumption(from: before, client)
        #expect(try isResumed(resumption, by: before, client))
        #expect(try isResumed(resumption, by: try certificates.server("rsa", tickets: tickets), client))
        // The key before still opens, an older one does not.
        tickets.rotate()
        #expect(try isResumed(resumption, by: before, client))
        tickets.rotate()
        #expect(try !isResumed(resumption, by: before, client))
        #expect(try !isResumed(resumption, by: try certificates.server("ecdsa"), client))
    }

    // MARK: Files

    @Test func errorsNameTheFileAndTheReason() throws {
        try Data("nothing".utf8).write(to: certificates.directory.appendingPathComponent("text.pem"))
        try certificates.openssl([
            "pkey", "-in", certificates.path("ecdsa.key"), "-aes256", "-passout", "pass:secret", "-out",
            certificates.path("locked.key"),
        ])
        let good = certificates.identity()
        func identity(certificate: String? = nil, key: String? = nil) -> TLSIdentity {
            TLSIdentity(
                certificateFile: certificate.map(certificates.path) ?? good.certificateFile,
                keyFile: key.map(certificates.path) ?? good.keyFile)
        }
        let cases: [(TLSIdentity, TLSError.Code, String, String)] = [
            (identity(certificate: "none.pem"), .certificate, "none.pem", "No such file or directory"),
            (identity(certificate: "text.pem"), .certificate, "text.pem", "no start line"),
            (identity(key: "none.key"), .key, "none.key", "No such file or directory"),
            (identity(key: "text.pem"), .key, "text.pem", "unsupported"),
            (identity(key: "locked.key"), .key, "locked.key", "the key is encrypted"),
            (identity(key: "other.key"), .mismatch, "other.key", "key values mismatch"),
            (identity(key: "rsa.key"), .mismatch, "rsa.key", "no certificate assigned"),
        ]
        for (identity, code, file, reason) in cases {
            let error = #expect(throws: TLSError.self) {
                try TLSContext.server([identity], tickets: try TLSTicketKeys())
            }
            #expect(error == TLSError(code: code, subject: certificates.path(file), reason: reason))
        }
        let authorities = #expect(throws: TLSError.self) {
            try TLSContext.client(authoritiesFile: certificates.path("text.pem"))
        }
        #expect(authorities?.code == .authorities)
    }

    @Test func filesAreReadAgainWhenTheyChange() throws {
        let own = try Certificates()
        let files = try CertificateFiles([own.identity("ecdsa")])
        let client = try own.client()
        let first = files.context
        let open = try TLSPair(server: first, client: client)
        open.run()
        #expect(files.reloadIfChanged() == .unchanged)

        // A bad pair is reported once, and the one in use stays.
        try Data("nothing".utf8).write(to: URL(filePath: own.path("ecdsa.pem")))
        guard case .refused(let error) = files.reloadIfChanged() else {
            Issue.record("a bad file was taken")
            return
        }
        #expect(error.code == .certificate)
        #expect(files.reloadIfChanged() == .unchanged)
        #expect(throws: TLSError.self) { try files.reload() }
        #expect(files.context === first)

        // The next good pair is taken: by new sessions. Those that are open go on.
        try own.issue("ecdsa", key: .ecdsa, names: ["new.example.org"])
        #expect(files.reloadIfChanged() == .reloaded)
        #expect(files.context !== first)
        #expect(files.reloadIfChanged() == .unchanged)
        let renewed = try TLSPair(server: files.context, client: client, host: "new.example.org")
        renewed.run()
        #expect(renewed.isEstablished)
        #expect(open.client.send("question"))
        open.run()
        #expect(open.server.text == "question")
    }

    @Test func sessionsOutliveTheirContext() throws {
        var server: TLSContext? = try certificates.server("ecdsa", "other")
        let pair = try TLSPair(
            server: try #require(server), client: try certificates.client(), host: "other.example.org")
        server = nil
        pair.run(piece: 50)
        #expect(pair.isEstablished)
    }
}
