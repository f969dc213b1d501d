import PharosCrypto

/// The proofs of the two sides of a link that they know the cluster's secret.
///
/// Each proves it for the other's random bytes, by an authentication code (HMAC with SHA-256, RFC 2104): the secret itself
/// never goes over the link. What follows is protected by TLS, where it is configured.
enum TopicProof {
    static let nonceSize = 32

    static func node(_ secret: [UInt8], hubNonce: [UInt8], nodeNonce: [UInt8], mark: UInt64) -> [UInt8] {
        SecretKey(secret).code(for: text("pharos topic: node", hubNonce, nodeNonce, mark), .sha256)
    }

    static func hub(_ secret: [UInt8], hubNonce: [UInt8], nodeNonce: [UInt8], hub: UInt64) -> [UInt8] {
        SecretKey(secret).code(for: text("pharos topic: hub", hubNonce, nodeNonce, hub), .sha256)
    }

    /// Compares in constant time.
    static func isNode(
        _ code: [UInt8], _ secret: [UInt8], hubNonce: [UInt8], nodeNonce: [UInt8], mark: UInt64
    ) -> Bool {
        SecretKey(secret).isValid(code, for: text("pharos topic: node", hubNonce, nodeNonce, mark), .sha256)
    }

    /// Compares in constant time.
    static func isHub(
        _ code: [UInt8], _ secret: [UInt8], hubNonce: [UInt8], nodeNonce: [UInt8], hub: UInt64
    ) -> Bool {
        SecretKey(secret).isValid(code, for: text("pharos topic: hub", hubNonce, nodeNonce, hub), .sha256)
    }

    /// The text of a proof.
    ///
    /// All parts but the first have a fixed length, so that no two tuples give the same text.
    private static func text(_ name: String, _ hubNonce: [UInt8], _ nodeNonce: [UInt8], _ mark: UInt64) -> [UInt8] {
        let mark = (0..<8).map { UInt8(truncatingIfNeeded: mark >> UInt64(8 * $0)) }
        return Array(name.utf8) + [UInt8(hubNonce.count & 255)] + hubNonce + [UInt8(nodeNonce.count & 255)] + nodeNonce
            + mark
    }

    static func nonce() -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        return (0..<nonceSize).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }
}
