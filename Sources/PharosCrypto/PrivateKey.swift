import CPharosCrypto

/// A pair, with the half that signs.
package struct PrivateKey: Sendable {
    package let publicKey: PublicKey

    private var handle: KeyHandle { publicKey.handle }

    private init?(_ handle: KeyHandle?) {
        guard let key = PublicKey(handle) else { return nil }
        publicKey = key
    }

    /// Reads a PEM text; nil when it is of no known kind, or encrypted.
    ///
    /// Known are PKCS #8, PKCS #1 for RSA, and SEC 1 for curves.
    package init?(pem: String) {
        var pem = pem
        self.init(KeyHandle(pem.withUTF8 { pharos_key_private_pem($0.baseAddress, $0.count) }))
    }

    /// The 32 bytes of RFC 8032, section 5.1.5.
    package init?(ed25519 seed: [UInt8]) {
        guard seed.count == 32 else { return nil }
        self.init(KeyHandle(pharos_key_ed25519_seed(seed)))
    }

    /// A new pair.
    /// - Parameter curve: `p256`, `p384` or `p521`.
    package init(_ curve: PublicKey.Kind) {
        guard let key = PublicKey(KeyHandle(pharos_key_make(curve.rawValue))) else {
            preconditionFailure("the system's OpenSSL makes no keys of this kind: \(curve)")
        }
        publicKey = key
    }

    package var kind: PublicKey.Kind { publicKey.kind }

    package var pem: String { handle.pem(isPrivate: true) }

    /// The signature, in the form that `PublicKey.isValid` takes.
    package func signature(for message: [UInt8], _ digest: Digest) -> [UInt8]? {
        KeyHandle.bytes(2_048) { pharos_sign(handle.key, digest.rawValue, message, message.count, $0, $1) }
    }
}
