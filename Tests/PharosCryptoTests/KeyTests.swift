import PharosCrypto
import Testing

@Suite("keys and signatures")
struct KeyTests {
    private let message = Array("Every bit of this counts.".utf8)

    @Test("what one half signs the other accepts, and nothing else", arguments: [PublicKey.Kind.p256, .p384, .p521])
    func curves(_ curve: PublicKey.Kind) throws {
        let key = PrivateKey(curve)
        #expect(key.kind == curve)
        for digest in Digest.allCases {
            let signature = try #require(key.signature(for: message, digest))
            #expect(signature.count == 2 * ((key.publicKey.bitCount + 7) / 8))
            #expect(key.publicKey.isValid(signature, for: message, digest))
            #expect(!PrivateKey(curve).publicKey.isValid(signature, for: message, digest))
            #expect(!key.publicKey.isValid(signature, for: message + [0], digest))
            for index in signature.indices {
                var changed = signature
                changed[index] ^= 1
                #expect(!key.publicKey.isValid(changed, for: message, digest))
            }
            for wrong in [
                [], Array(signature.dropLast()), signature + [0], Array(repeating: 0, count: signature.count),
            ] {
                #expect(!key.publicKey.isValid(wrong, for: message, digest))
            }
        }
    }

    @Test("a key comes back from its text, and from its point", arguments: [PublicKey.Kind.p256, .p384, .p521])
    func texts(_ curve: PublicKey.Kind) throws {
        let key = PrivateKey(curve)
        let signature = try #require(key.signature(for: message, .sha256))
        let point = try #require(key.publicKey.point)
        #expect(try #require(PublicKey(pem: key.publicKey.pem)).isValid(signature, for: message, .sha256))
        #expect(try #require(PublicKey(curve, point: point)).isValid(signature, for: message, .sha256))
        let again = try #require(PrivateKey(pem: key.pem)?.signature(for: message, .sha256))
        #expect(key.publicKey.isValid(again, for: message, .sha256))
        // A public text is no pair.
        #expect(PrivateKey(pem: key.publicKey.pem) == nil)
    }

    @Test("points that are not on the curve, or on another one, are no keys")
    func points() throws {
        let point = try #require(PrivateKey(.p256).publicKey.point)
        for index in [0, 1, 40, 64] {
            var changed = point
            changed[index] ^= 1
            #expect(PublicKey(.p256, point: changed) == nil)
        }
        #expect(PublicKey(.p384, point: point) == nil)
        #expect(PublicKey(.p256, point: []) == nil)
        #expect(PublicKey(.p256, point: [0]) == nil)
        #expect(PublicKey(.p256, point: Array(point.dropLast())) == nil)
        #expect(PublicKey(.rsa, point: point) == nil)
    }

    @Test("Ed25519: the third vector of RFC 8032, section 7.1")
    func ed25519() throws {
        let seed = bytes("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
        let half = bytes("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
        let expected = bytes(
            """
            6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
            18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a
            """)
        let key = try #require(PrivateKey(ed25519: seed))
        #expect(key.signature(for: [0xaf, 0x82], .sha256) == expected)
        #expect(key.publicKey.point == half)
        let other = try #require(PublicKey(ed25519: half))
        #expect(other.isValid(expected, for: [0xaf, 0x82], .sha512))
        #expect(!other.isValid(expected, for: [0xaf, 0x83], .sha512))
        #expect(PublicKey(ed25519: Array(half.dropLast())) == nil)
        #expect(PrivateKey(ed25519: []) == nil)
    }

    @Test("RSA numbers with which anybody could sign, or that keep us busy, are no keys")
    func rsaNumbers() {
        let modulus = [0xc1] + (1..<256).map { UInt8(truncatingIfNeeded: $0 &* 37) | 1 }
        #expect(PublicKey(modulus: modulus, exponent: [1, 0, 1])?.kind == .rsa)
        #expect(PublicKey(modulus: modulus, exponent: [1, 0, 1])?.bitCount == 2_048)
        #expect(PublicKey(modulus: modulus, exponent: [3]) != nil)
        for exponent: [UInt8] in [[], [0], [1], [2], [1, 0, 0], Array(repeating: 0xff, count: 8)] {
            #expect(PublicKey(modulus: modulus, exponent: exponent) == nil)
        }
        #expect(PublicKey(modulus: Array(modulus.dropLast()) + [2], exponent: [1, 0, 1]) == nil)
        #expect(PublicKey(modulus: [], exponent: [1, 0, 1]) == nil)
    }

    @Test("texts in the older forms are read; encrypted ones, other curves and rubbish are not")
    func forms() {
        #expect(PublicKey(pem: KeyTexts.rsaPublic)?.kind == .rsa)
        #expect(PrivateKey(pem: KeyTexts.sec1)?.kind == .p256)
        #expect(PrivateKey(pem: KeyTexts.encrypted) == nil)
        #expect(PublicKey(pem: KeyTexts.otherCurve) == nil)
        for text in [
            "", "-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "\0",
        ] {
            #expect(PublicKey(pem: text) == nil)
            #expect(PrivateKey(pem: text) == nil)
        }
    }

    @Test("one key serves several threads at once")
    func threads() async throws {
        let key = PrivateKey(.p256)
        let signature = try #require(key.signature(for: message, .sha256))
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<50).allSatisfy { _ in key.publicKey.isValid(signature, for: message, .sha256) }
                }
            }
            for await isValid in group { #expect(isValid) }
        }
    }
}

func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.map { UInt8($0.hexDigitValue!) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
