import Crypto
import CryptoExtras
import FoundationEssentials

/// A key that checks signatures. It knows which algorithms are its own; a token cannot make it serve another.
enum VerificationKey: Sendable {
    case hmac(SymmetricKey)
    case rsa(_RSA.Signing.PublicKey)
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)
    case p521(P521.Signing.PublicKey)
    case ed25519(Curve25519.Signing.PublicKey)

    init(hmacSecret: String) {
        self = .hmac(SymmetricKey(data: Array(hmacSecret.utf8)))
    }

    /// RSA serves three algorithms with one key, as HMAC does; a curve is bound to its digest (RFC 7518 §3.4).
    func serves(_ algorithm: TokenAlgorithm) -> Bool {
        switch self {
        case .hmac: algorithm.family == .hmac
        case .rsa: algorithm.family == .rsa
        case .p256: algorithm == .es256
        case .p384: algorithm == .es384
        case .p521: algorithm == .es512
        case .ed25519: algorithm == .edDSA
        }
    }

    /// True when `signature` over `message` was made with this key's other half, or with the same secret.
    ///
    /// False for an algorithm that is not the key's. The comparison of authentication codes takes constant time.
    func isValid(_ signature: [UInt8], for message: [UInt8], by algorithm: TokenAlgorithm) -> Bool {
        switch (self, algorithm) {
        case (.hmac(let key), .hs256): Self.isValid(signature, for: message, key, SHA256.self)
        case (.hmac(let key), .hs384): Self.isValid(signature, for: message, key, SHA384.self)
        case (.hmac(let key), .hs512): Self.isValid(signature, for: message, key, SHA512.self)
        case (.rsa(let key), .rs256): Self.isValid(signature, for: SHA256.hash(data: message), key)
        case (.rsa(let key), .rs384): Self.isValid(signature, for: SHA384.hash(data: message), key)
        case (.rsa(let key), .rs512): Self.isValid(signature, for: SHA512.hash(data: message), key)
        case (.p256(let key), .es256):
            (try? P256.Signing.ECDSASignature(rawRepresentation: signature))
                .map { key.isValidSignature($0, for: SHA256.hash(data: message)) } ?? false
        case (.p384(let key), .es384):
            (try? P384.Signing.ECDSASignature(rawRepresentation: signature))
                .map { key.isValidSignature($0, for: SHA384.hash(data: message)) } ?? false
        case (.p521(let key), .es512):
            (try? P521.Signing.ECDSASignature(rawRepresentation: signature))
                .map { key.isValidSignature($0, for: SHA512.hash(data: message)) } ?? false
        case (.ed25519(let key), .edDSA): key.isValidSignature(signature, for: message)
        default: false
        }
    }

    private static func isValid<Hash: HashFunction>(
        _ signature: [UInt8], for message: [UInt8], _ key: SymmetricKey, _ hash: Hash.Type
    ) -> Bool {
        HMAC<Hash>.isValidAuthenticationCode(signature, authenticating: message, using: key)
    }

    private static func isValid(
        _ signature: [UInt8], for digest: some Digest, _ key: _RSA.Signing.PublicKey
    ) -> Bool {
        key.isValidSignature(.init(rawRepresentation: signature), for: digest, padding: .insecurePKCS1v1_5)
    }
}

extension VerificationKey {
    /// Bits of an RSA modulus. Larger ones make each check expensive for whoever has to do it.
    static let rsaBitLimit = 8_192

    /// A PEM text of an RSA public key of at least 2,048 bits; nil for anything else.
    init?(rsaPEM: String) {
        guard let key = try? _RSA.Signing.PublicKey(pemRepresentation: rsaPEM), key.keySizeInBits <= Self.rsaBitLimit
        else { return nil }
        self = .rsa(key)
    }

    /// A PEM text of a public key on P-256, P-384 or P-521; nil for anything else.
    init?(ecdsaPEM: String) {
        if let key = try? P256.Signing.PublicKey(pemRepresentation: ecdsaPEM) {
            self = .p256(key)
        } else if let key = try? P384.Signing.PublicKey(pemRepresentation: ecdsaPEM) {
            self = .p384(key)
        } else if let key = try? P521.Signing.PublicKey(pemRepresentation: ecdsaPEM) {
            self = .p521(key)
        } else {
            return nil
        }
    }
}
