import PharosDomain

/// The keys and the rules for tokens of one kind.
///
/// They are those of one `TokenConfiguration`, compiled.
struct TokenAuthority: Sendable {
    private let keys: [VerificationKey]
    private let previousKey: VerificationKey?
    private let previousKeyEnd: Int64
    private let rules: ClaimRules
    private let hasNoKeys: Bool
    private let maxLength: Int
    let keySets: KeySetCache?

    /// The content of a verified token, before the claims of its kind are read.
    struct Verified {
        var claims: JSONObject
        var user: UserID
    }

    init(
        _ configuration: TokenConfiguration, fetch: @escaping KeySetFetch,
        monotonicMs: @escaping @Sendable () -> Int64, report: @escaping @Sendable (KeySetReport) -> Void
    ) throws(TokenConfigurationError) {
        keys = try Self.fixedKeys(configuration)
        previousKey =
            configuration.hmacPreviousSecretKey.isEmpty
            ? nil : VerificationKey(hmacSecret: configuration.hmacPreviousSecretKey)
        previousKeyEnd = configuration.hmacPreviousSecretKeyValidUntil
        hasNoKeys = configuration.hasNoKeys
        maxLength = configuration.maxLength
        if configuration.jwksEndpoint.isEmpty {
            keySets = nil
        } else {
            let addresses = try KeySetAddresses(
                template: configuration.jwksEndpoint, variables: configuration.jwksVariables)
            keySets = KeySetCache(addresses: addresses, fetch: fetch, monotonicMs: monotonicMs, report: report)
        }
        rules = try ClaimRules(configuration, variables: keySets?.addresses.variables ?? [])
    }

    private static func fixedKeys(
        _ configuration: TokenConfiguration
    ) throws(TokenConfigurationError) -> [VerificationKey] {
        var keys: [VerificationKey] = []
        if !configuration.hmacSecretKey.isEmpty {
            keys.append(VerificationKey(hmacSecret: configuration.hmacSecretKey))
        }
        if !configuration.rsaPublicKey.isEmpty {
            guard let key = VerificationKey(rsaPEM: configuration.rsaPublicKey) else {
                throw .init(
                    setting: "rsa_public_key", "is not the PEM text of an RSA public key of 2048 to 8192 bits")
            }
            keys.append(key)
        }
        if !configuration.ecdsaPublicKey.isEmpty {
            guard let key = VerificationKey(ecdsaPEM: configuration.ecdsaPublicKey) else {
                throw .init(
                    setting: "ecdsa_public_key", "is not the PEM text of a public key on P-256, P-384 or P-521")
            }
            keys.append(key)
        }
        return keys
    }

    /// Checks signature and parties, and gives the claims.
    ///
    /// The times are for `end`, later.
    func verify(_ text: String, nowMs: Int64) throws(TokenRefusal) -> Verified {
        guard !hasNoKeys else { throw .invalid(.noKey, "no token key is configured") }
        let token = try CompactToken(text, limit: maxLength)
        let binding = try checkSignature(of: token, nowMs: nowMs)
        let claims = try token.decodedPayload()
        try rules.checkParties(of: claims, binding: binding)
        return Verified(claims: claims, user: try rules.user(of: claims))
    }

    /// Checks the times.
    ///
    /// Call it when all claims have been read: `.expired` means that all else is good.
    ///
    /// - Returns: seconds since 1970 at which the token's power ends, at most 365 days away; 0 never.
    func end(of verified: Verified, nowMs: Int64) throws(TokenRefusal) -> Int64 {
        try rules.end(of: verified.claims, nowMs: nowMs)
    }

    /// Checks the signature with each key that fits.
    ///
    /// - Returns: what the address of the key that has signed demands of the claims; nothing for a fixed key.
    private func checkSignature(of token: CompactToken, nowMs: Int64) throws(TokenRefusal) -> [String: String] {
        var isServed = false
        func verifies(_ key: VerificationKey) -> Bool {
            guard key.serves(token.algorithm) else { return false }
            isServed = true
            return key.isValid(token.signature, for: token.signedBytes, by: token.algorithm)
        }
        if keys.contains(where: verifies) { return [:] }
        if let previousKey, previousKeyEnd == 0 || nowMs / 1_000 < previousKeyEnd, verifies(previousKey) { return [:] }
        // Key sets never hold secrets, so no HMAC token can be a reason to ask for one.
        if let keySets, token.algorithm.family != .hmac {
            switch keySets.lookup(token) {
            case .needsKeys:
                throw .needsKeys
            case .unavailable:
                throw .unavailable
            case .keys(let candidates):
                if let found = candidates.first(where: { verifies($0.key) }) { return found.binding }
                if keySets.mayChange(forRejected: token) { throw .needsKeys }
            }
        }
        guard isServed else { throw .invalid(.noKey, "no key for the token's algorithm and key id") }
        throw .invalid(.signature, "the token's signature is wrong")
    }
}
