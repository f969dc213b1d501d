import Crypto
import CryptoExtras
import FoundationEssentials

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
    /// - Throws: `JWTSigner.Failure` when the key is unusable or not one for `algorithm`.
    func signature(for message: [UInt8], by algorithm: TokenAlgorithm) throws -> [UInt8] {
        switch (self, algorithm) {
        case (.hmac(let secret), .hs256): Self.code(message, secret, SHA256.self)
        case (.hmac(let secret), .hs384): Self.code(message, secret, SHA384.self)
        case (.hmac(let secret), .hs512): Self.code(message, secret, SHA512.self)
        case (.rsa(let pem), .rs256): try Self.signature(for: SHA256.hash(data: message), pem)
        case (.rsa(let pem), .rs384): try Self.signature(for: SHA384.hash(data: message), pem)
        case (.rsa(let pem), .rs512): try Self.signature(for: SHA512.hash(data: message), pem)
        case (.ecdsa(let pem), .es256):
            Array(try P256.Signing.PrivateKey(pemRepresentation: pem).signature(for: message).rawRepresentation)
        case (.ecdsa(let pem), .es384):
            Array(try P384.Signing.PrivateKey(pemRepresentation: pem).signature(for: message).rawRepresentation)
        case (.ecdsa(let pem), .es512):
            Array(try P521.Signing.PrivateKey(pemRepresentation: pem).signature(for: message).rawRepresentation)
        case (.ed25519(let seed), .edDSA):
            Array(try Curve25519.Signing.PrivateKey(rawRepresentation: seed).signature(for: message))
        default: throw JWTSigner.Failure.algorithmNotOfKey
        }
    }

    private static func code<Hash: HashFunction>(_ message: [UInt8], _ secret: String, _ hash: Hash.Type) -> [UInt8] {
        let key = SymmetricKey(data: Array(secret.utf8))
        return Array(HMAC<Hash>.authenticationCode(for: message, using: key))
    }

    private static func signature(for digest: some Digest, _ pem: String) throws -> [UInt8] {
        let key = try _RSA.Signing.PrivateKey(pemRepresentation: pem)
        return Array(try key.signature(for: digest, padding: .insecurePKCS1v1_5).rawRepresentation)
    }
}
