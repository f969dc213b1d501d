import PharosCrypto

/// A key that checks signatures.
///
/// It knows which algorithms are its own; a token cannot make it serve another.
enum VerificationKey: Sendable {
    case shared(SecretKey)
    case half(PublicKey)

    init(hmacSecret: String) {
        self = .shared(SecretKey(Array(hmacSecret.utf8)))
    }

    /// Whether the key works with an algorithm.
    ///
    /// RSA serves three algorithms with one key, as HMAC does; a curve is bound to its digest (RFC 7518 §3.4).
    func serves(_ algorithm: TokenAlgorithm) -> Bool {
        switch self {
        case .shared: algorithm.family == .hmac
        case .half(let key) where key.kind == .rsa: algorithm.family == .rsa
        case .half(let key): algorithm.curve == key.kind
        }
    }

    /// Whether `signature` over `message` was made with this key's other half.
    ///
    /// For HMAC: with the same secret.
    ///
    /// False for an algorithm that is not the key's. The comparison of authentication codes takes constant time.
    func isValid(_ signature: [UInt8], for message: [UInt8], by algorithm: TokenAlgorithm) -> Bool {
        guard serves(algorithm) else { return false }
        return switch self {
        case .shared(let key): key.isValid(signature, for: message, algorithm.digest)
        case .half(let key): key.isValid(signature, for: message, algorithm.digest)
        }
    }
}

extension VerificationKey {
    /// Bits of an RSA modulus.
    ///
    /// Larger ones make each check expensive for the verifier, smaller ones can be broken.
    static let rsaBits = 2_048...8_192

    /// A PEM text of an RSA public key of at least 2,048 bits; nil for anything else.
    init?(rsaPEM: String) {
        self.init(PublicKey(pem: rsaPEM)) { $0 == .rsa }
    }

    /// A PEM text of a public key on P-256, P-384 or P-521; nil for anything else.
    init?(ecdsaPEM: String) {
        self.init(PublicKey(pem: ecdsaPEM)) { $0 == .p256 || $0 == .p384 || $0 == .p521 }
    }

    init?(_ key: PublicKey?, isWanted: (PublicKey.Kind) -> Bool = { _ in true }) {
        guard let key, isWanted(key.kind), key.kind != .rsa || Self.rsaBits.contains(key.bitCount) else { return nil }
        self = .half(key)
    }
}
