import FoundationEssentials
import PharosAuth
import PharosBytes
import PharosCrypto
import PharosDomain
import Testing

@Suite("Signature algorithms")
struct AlgorithmTests {
    /// A key, the key of somebody else, and the verifier that trusts the first.
    struct Party: Sendable, CustomTestStringConvertible {
        var algorithm: TokenAlgorithm
        var key: SigningKey
        var stranger: SigningKey
        var verifier: JWTVerifier

        var testDescription: String { algorithm.rawValue }

        init(
            _ algorithm: TokenAlgorithm, _ key: SigningKey, stranger: SigningKey,
            trusts: @Sendable (inout TokenConfiguration) -> Void
        ) throws {
            self.algorithm = algorithm
            self.key = key
            self.stranger = stranger
            verifier = try PharosAuthTests.verifier(trusts)
        }
    }

    static func parties() throws -> [Party] {
        var parties: [Party] = []
        for algorithm in [TokenAlgorithm.hs256, .hs384, .hs512] {
            parties.append(
                try Party(algorithm, .hmac(secret: "secret"), stranger: .hmac(secret: "Secret")) {
                    $0.hmacSecretKey = "secret"
                })
        }
        for algorithm in [TokenAlgorithm.rs256, .rs384, .rs512] {
            parties.append(
                try Party(
                    algorithm, .rsa(pem: RSAFixtures.privateKey),
                    stranger: .rsa(pem: RSAFixtures.strangersPrivateKey)
                ) { $0.rsaPublicKey = RSAFixtures.publicKey })
        }
        let p256 = PrivateKey(.p256)
        parties.append(
            try Party(
                .es256, .ecdsa(pem: p256.pem),
                stranger: .ecdsa(pem: PrivateKey(.p256).pem)
            ) { $0.ecdsaPublicKey = p256.publicKey.pem })
        let p384 = PrivateKey(.p384)
        parties.append(
            try Party(
                .es384, .ecdsa(pem: p384.pem),
                stranger: .ecdsa(pem: PrivateKey(.p384).pem)
            ) { $0.ecdsaPublicKey = p384.publicKey.pem })
        let p521 = PrivateKey(.p521)
        parties.append(
            try Party(
                .es512, .ecdsa(pem: p521.pem),
                stranger: .ecdsa(pem: PrivateKey(.p521).pem)
            ) { $0.ecdsaPublicKey = p521.publicKey.pem })
        return parties
    }

    @Test("a token signed by the trusted key is accepted, by another refused", arguments: try parties())
    func signatures(party: Party) throws {
        let good = try token(#"{"sub":"42"}"#, party.key, party.algorithm)
        #expect(party.verifier.verifyConnection(token: good, nowMs: nowMs).claims?.user == "42")
        let forged = try token(#"{"sub":"42"}"#, party.stranger, party.algorithm)
        #expect(party.verifier.verifyConnection(token: forged, nowMs: nowMs).isInvalid)
    }

    @Test("a token with any byte of its message or signature changed is refused", arguments: try parties())
    func tampering(party: Party) throws {
        let good = try token(#"{"sub":"42"}"#, party.key, party.algorithm)
        let bytes = Array(good.utf8)
        for index in stride(from: 0, to: bytes.count, by: 7) {
            var changed = bytes
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let text = String(decoding: changed, as: UTF8.self)
            #expect(party.verifier.verifyConnection(token: text, nowMs: nowMs).isInvalid)
        }
    }

    @Test("no party's verifier accepts another party's tokens")
    func families() throws {
        let parties = try Self.parties()
        for signer in parties {
            let text = try token(#"{"sub":"42"}"#, signer.key, signer.algorithm)
            for reader in parties where reader.algorithm.family != signer.algorithm.family {
                #expect(reader.verifier.verifyConnection(token: text, nowMs: nowMs).isInvalid)
            }
        }
    }

    @Test("a curve serves the algorithm of its digest only")
    func curveIsPinned() throws {
        let key = PrivateKey(.p384)
        let trusting = try verifier { $0.ecdsaPublicKey = key.publicKey.pem }
        let header = Base64.encode(Array(#"{"alg":"ES256"}"#.utf8), .url)
        let message = header + "." + Base64.encode(Array(#"{"sub":"42"}"#.utf8), .url)
        let signature = try #require(key.signature(for: Array(message.utf8), .sha256))
        let text = message + "." + Base64.encode(signature, .url)
        #expect(trusting.verifyConnection(token: text, nowMs: nowMs).isInvalid)
    }

    @Test("a token signed by HMAC with the text of the public key is refused")
    func algorithmConfusion() throws {
        let ecdsa = PrivateKey(.p256).publicKey.pem
        let trusting = try verifier {
            $0.rsaPublicKey = RSAFixtures.publicKey
            $0.ecdsaPublicKey = ecdsa
        }
        for secret in [RSAFixtures.publicKey, RSAFixtures.publicKey + "\n", ecdsa, ecdsa + "\n"] {
            for algorithm in [TokenAlgorithm.hs256, .hs384, .hs512] {
                let text = try token(#"{"sub":"42"}"#, .hmac(secret: secret), algorithm)
                #expect(trusting.verifyConnection(token: text, nowMs: nowMs).isInvalid)
            }
        }
    }

    @Test(
        "GE-6: alg none is refused in every spelling, with and without a signature",
        arguments: ["none", "None", "NONE", "nOnE", "", "HS257", "hs256"])
    func algorithmNone(name: String) throws {
        let text = tokenWithHeader(#"{"alg":"\#(name)"}"#)
        let verifier = try secretVerifier()
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs).isInvalid)
        let unsigned = text.prefix { $0 != "." } + "." + Base64.encode(Array(#"{"sub":"42"}"#.utf8), .url) + "."
        #expect(verifier.verifyConnection(token: String(unsigned), nowMs: nowMs).isInvalid)
    }

    @Test("a token of another library is accepted")
    func foreignToken() throws {
        let text = """
            eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ\
            .SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c
            """
        let verifier = try verifier { $0.hmacSecretKey = "your-256-bit-secret" }
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs).claims?.user == "1234567890")
    }
}
