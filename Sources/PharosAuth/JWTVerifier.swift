package import PharosDomain

/// Verifies JSON Web Tokens (RFC 7519) with fixed keys and fetched key sets.
///
/// Safe to use from all shards at once. Verifying never waits and never causes a request by itself; only `loadKeys`
/// does, and the addresses it uses come from the configuration alone.
package struct JWTVerifier: TokenVerifier {
    private let connection: TokenAuthority
    /// nil: the same as for connections, with the same key sets.
    private let subscription: TokenAuthority?

    /// - Parameters:
    ///   - fetch: gets one key set; called by `loadKeys` only. Not called at all without `jwks_public_endpoint`.
    ///   - report: gets the results of fetches, on any thread.
    ///   - monotonicMs: the clock for the age of key sets, in milliseconds; it must never go back.
    package init(
        _ configuration: TokensConfiguration, fetch: @escaping KeySetFetch,
        monotonicMs: @escaping @Sendable () -> Int64 = MonotonicClock.nowMs,
        report: @escaping @Sendable (KeySetReport) -> Void = { _ in }
    ) throws(TokenConfigurationError) {
        connection = try TokenAuthority(
            configuration.connection, fetch: fetch, monotonicMs: monotonicMs, report: report)
        if let own = configuration.subscription, own != configuration.connection {
            subscription = try TokenAuthority(own, fetch: fetch, monotonicMs: monotonicMs, report: report)
        } else {
            subscription = nil
        }
    }

    package func verifyConnection(token: String, nowMs: Int64) -> TokenOutcome<ConnectionClaims> {
        TokenOutcome { () throws(TokenRefusal) in
            let verified = try connection.verify(token, nowMs: nowMs)
            var claims = try ConnectionClaims(verified.claims, user: verified.user)
            claims.expireAt = try connection.end(of: verified, nowMs: nowMs)
            return claims
        }
    }

    package func verifySubscription(token: String, nowMs: Int64) -> TokenOutcome<SubscriptionClaims> {
        let authority = subscription ?? connection
        return TokenOutcome { () throws(TokenRefusal) in
            let verified = try authority.verify(token, nowMs: nowMs)
            var claims = try SubscriptionClaims(verified.claims, user: verified.user)
            claims.expireAt = try authority.end(of: verified, nowMs: nowMs)
            claims.options.expireAt = claims.expireAt
            return claims
        }
    }

    package func loadKeys() async {
        await connection.keySets?.load()
        await subscription?.keySets?.load()
    }
}
