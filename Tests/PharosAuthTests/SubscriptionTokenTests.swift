import PharosAuth
import PharosDomain
import Testing

@Suite("Subscription tokens")
struct SubscriptionTokenTests {
    private func outcome(_ claims: String) throws -> TokenOutcome<SubscriptionClaims> {
        try secretVerifier().verifySubscription(token: try token(claims), nowMs: nowMs)
    }

    @Test("all claims arrive")
    func claims() throws {
        let claims = try #require(
            try outcome(
                """
                {"sub":"42","channel":"$news","client":"c1","exp":\(now + 60),"info":{"a":1},"data":[2],
                "override":{"force_recovery":{"value":true}}}
                """
            ).claims)
        #expect(claims.user == "42")
        #expect(claims.channel == "$news")
        #expect(claims.client == "c1")
        #expect(claims.expireAt == now + 60)
        #expect(claims.options.expireAt == now + 60)
        #expect(claims.options.info == Array(#"{"a":1}"#.utf8))
        #expect(claims.options.data == Array("[2]".utf8))
        #expect(claims.options.override.forceRecovery == true)
        #expect(claims.options.override.presence == nil)
    }

    @Test(
        "a connection token, or one without a proper channel, opens no subscription",
        arguments: [#"{"sub":"42"}"#, #"{"channel":""}"#, #"{"channel":["a"]}"#, #"{"channel":"a","client":7}"#])
    func refused(claims: String) throws {
        #expect(try outcome(claims).isInvalid)
    }

    @Test("an expired token is called expired, with expire_at as for connections")
    func expired() throws {
        #expect(try outcome(#"{"channel":"a","exp":\#(now - 1)}"#) == .expired)
        #expect(try outcome(#"{"channel":"a","exp":\#(now + 1),"expire_at":0}"#).claims?.expireAt == 0)
        #expect(try outcome(#"{"channel":"a"}"#).claims?.client == nil)
    }

    @Test("subscription tokens with keys of their own know nothing of the connection's keys")
    func ownKeys() throws {
        var connection = TokenConfiguration()
        connection.hmacSecretKey = "secret"
        var subscription = TokenConfiguration()
        subscription.hmacSecretKey = "other"
        let verifier = try JWTVerifier(
            TokensConfiguration(connection: connection, subscription: subscription),
            fetch: { _ in throw KeyServer.Down() })
        let claims = #"{"channel":"a"}"#
        #expect(verifier.verifySubscription(token: try token(claims), nowMs: nowMs).isInvalid)
        let good = try token(claims, .hmac(secret: "other"))
        #expect(verifier.verifySubscription(token: good, nowMs: nowMs).claims?.channel == "a")
        #expect(verifier.verifyConnection(token: try token("{}", .hmac(secret: "other")), nowMs: nowMs).isInvalid)
    }
}
