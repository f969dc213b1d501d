import CPharosCrypto

/// The half of a pair that checks signatures.
package struct PublicKey: Sendable {
    package enum Kind: Int32, Sendable {
        case rsa = 1
        case ed25519 = 2
        case p256 = 256
        case p384 = 384
        case p521 = 521
    }

    package let kind: Kind
    let handle: KeyHandle

    init?(_ handle: KeyHandle?) {
        guard let handle, let kind = Kind(rawValue: pharos_key_kind(handle.key)) else { return nil }
        self.kind = kind
        self.handle = handle
    }

    /// Reads a PEM text; nil when it is of no known kind.
    ///
    /// Known are SubjectPublicKeyInfo, and PKCS #1 for RSA.
    package init?(pem: String) {
        var pem = pem
        self.init(KeyHandle(pem.withUTF8 { pharos_key_public_pem($0.baseAddress, $0.count) }))
    }

    /// An RSA key; both numbers big-endian.
    package init?(modulus: [UInt8], exponent: [UInt8]) {
        self.init(KeyHandle(pharos_key_rsa(modulus, modulus.count, exponent, exponent.count)))
    }

    /// Reads the uncompressed form of a point (SEC 1, section 2.3.3).
    ///
    /// nil also when it is not on the curve.
    package init?(_ curve: Kind, point: [UInt8]) {
        self.init(KeyHandle(pharos_key_point(curve.rawValue, point, point.count)))
    }

    /// The 32 bytes of RFC 8032, section 5.1.5.
    package init?(ed25519 bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.init(KeyHandle(pharos_key_ed25519_public(bytes)))
    }

    /// Bits of an RSA modulus, or of the curve.
    package var bitCount: Int { Int(pharos_key_bits(handle.key)) }

    package var pem: String { handle.pem(isPrivate: false) }

    /// The uncompressed form of its point; nil for RSA.
    package var point: [UInt8]? {
        kind == .rsa ? nil : KeyHandle.bytes(256) { pharos_key_write_point(handle.key, $0, $1) }
    }

    /// Whether the other half has signed the message.
    ///
    /// - Parameters:
    ///   - signature: RSA: PKCS #1 v1.5; curves: both numbers in full size, as tokens have them (RFC 7518, section 3.4).
    ///   - digest: ignored for Ed25519, which has its own.
    package func isValid(_ signature: [UInt8], for message: [UInt8], _ digest: Digest) -> Bool {
        pharos_verify(handle.key, digest.rawValue, signature, signature.count, message, message.count) == 1
    }
}
