import PharosCrypto

/// A key that makes signatures: a shared secret, or the private half of a pair.
package enum SigningKey: Sendable {
    case hmac(secret: String)
    /// PEM, PKCS #8 or PKCS #1.
    case rsa(pem: String)
    /// PEM, PKCS #8 or SEC 1.
    case ecdsa(pem: String)
    /// The 32 bytes of RFC 8032 §5.1.5.
    case ed25519(seed: [UInt8])
}

extension SigningKey {
    /// Signs `message`.
    ///
    /// - Throws: when the key is unusable or not one for `algorithm`.
    func signature(for message: [UInt8], by algorithm: TokenAlgorithm) throws(JWTSigner.Failure) -> [UInt8] {
        switch (self, algorithm.family) {
        case (.hmac(let secret), .hmac): return SecretKey(Array(secret.utf8)).code(for: message, algorithm.digest)
        case (.rsa(let pem), .rsa):
            return try Self.signature(for: message, algorithm, PrivateKey(pem: pem)) { $0 == .rsa }
        case (.ecdsa(let pem), .ecdsa):
            return try Self.signature(for: message, algorithm, PrivateKey(pem: pem)) { $0 == algorithm.curve }
        case (.ed25519(let seed), .edwards):
            return try Self.signature(for: message, algorithm, PrivateKey(ed25519: seed)) { $0 == .ed25519 }
        default: throw .algorithmNotOfKey
        }
    }

    private static func signature(
        for message: [UInt8], _ algorithm: TokenAlgorithm, _ key: PrivateKey?, isOfKind: (PublicKey.Kind) -> Bool
    ) throws(JWTSigner.Failure) -> [UInt8] {
        guard let key else { throw .unusableKey }
        guard isOfKind(key.kind) else { throw .algorithmNotOfKey }
        guard let signature = key.signature(for: message, algorithm.digest) else {
            throw .unusableKey
        }
        return signature
    }
}
