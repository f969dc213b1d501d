import PharosAuth
import PharosDomain
import Testing

@Suite("Connection tokens")
struct ConnectionTokenTests {
    private func outcome(_ claims: String, _ configure: (inout TokenConfiguration) -> Void = { _ in }) throws
        -> TokenOutcome<ConnectionClaims>
    {
        try secretVerifier(configure).verifyConnection(token: try token(claims), nowMs: nowMs)
    }

    @Test("GE-6: without any key every token is refused, and the answer says why")
    func noKey() throws {
        let verifier = try JWTVerifier(TokensConfiguration(), fetch: { _ in throw KeyServer.Down() })
        let refusal = TokenFault(.noKey, "no token key is configured")
        #expect(TokenConfiguration().hasNoKeys)
        #expect(
            verifier.verifyConnection(token: try token(#"{"sub":"42"}"#), nowMs: nowMs) == .invalid(refusal))
        #expect(
            verifier.verifyConnection(token: try token(#"{"sub":"42"}"#, .hmac(secret: "")), nowMs: nowMs)
                == .invalid(refusal))
        #expect(verifier.verifySubscription(token: "", nowMs: nowMs) == .invalid(refusal))
    }

    @Test("GE-6: wrong key, expired and wrong issuer are refused")
    func refusals() throws {
        let verifier = try secretVerifier { $0.issuer = "idp" }
        let claims = #"{"sub":"42","iss":"idp"}"#
        #expect(verifier.verifyConnection(token: try token(claims), nowMs: nowMs).claims?.user == "42")
        #expect(verifier.verifyConnection(token: try token(claims, .hmac(secret: "x")), nowMs: nowMs).isInvalid)
        #expect(try outcome(#"{"sub":"42","exp":\#(now - 1)}"#) == .expired)
        #expect(try outcome(#"{"sub":"42","iss":"other"}"#) { $0.issuer = "idp" }.isInvalid)
        #expect(try outcome(#"{"sub":"42"}"#) { $0.issuer = "idp" }.isInvalid)
    }

    @Test("sub is the user, nobody when absent, and must be a string")
    func user() throws {
        #expect(try outcome(#"{"sub":"Ünal \u0031"}"#).claims?.user == "Ünal 1")
        #expect(try outcome("{}").claims?.user == "")
        #expect(try outcome(#"{"sub":""}"#).claims?.user == "")
        for wrong in ["42", "true", #"["42"]"#, "{}"] {
            #expect(try outcome(#"{"sub":\#(wrong)}"#).isInvalid)
        }
    }

    @Test("user_id_claim takes the user from another claim, which then must be there")
    func userIDClaim() throws {
        let configure: (inout TokenConfiguration) -> Void = { $0.userIDClaim = "user_Name" }
        #expect(try outcome(#"{"sub":"1","user_Name":"ann"}"#, configure).claims?.user == "ann")
        #expect(try outcome(#"{"sub":"1"}"#, configure).isInvalid)
        #expect(try outcome(#"{"user_Name":7}"#, configure).isInvalid)
    }

    @Test("a token with a channel does not open a connection, even if it has expired")
    func channelClaim() throws {
        #expect(try outcome(#"{"sub":"42","channel":"news"}"#).isInvalid)
        #expect(try outcome(#"{"sub":"42","channel":""}"#).isInvalid)
        #expect(try outcome(#"{"sub":"42","channel":7}"#).isInvalid)
        #expect(try outcome(#"{"sub":"42","channel":"news","exp":1}"#).isInvalid)
    }

    @Test("the connection ends at exp, and at the second of exp the token is too late")
    func expiry() throws {
        #expect(try outcome(#"{"exp":\#(now + 1)}"#).claims?.expireAt == now + 1)
        #expect(try outcome(#"{"exp":\#(now)}"#) == .expired)
        #expect(try outcome(#"{"exp":0}"#) == .expired)
        #expect(try outcome(#"{"exp":-1e300}"#) == .expired)
        #expect(try outcome("{}").claims?.expireAt == 0)
        #expect(try outcome(#"{"exp":\#(now).75}"#) == .expired)
        #expect(try outcome(#"{"exp":\#(now + 5).75}"#).claims?.expireAt == now + 5)
        #expect(try outcome(#"{"exp":"\#(now + 1)"}"#).isInvalid)
        #expect(try outcome(#"{"exp":null}"#).claims?.expireAt == 0)
    }

    @Test(
        "an end beyond a year is cut to a year, however large the number is",
        arguments: [
            "1e18", "1e300", "1e999999", "9223372036854775807", "9223372036854775808", "18446744073709551616",
            "9223372036854774784.0", "99999999999999999999999999999999999999", "9.3e18", "4000000000",
        ])
    func hugeExpiry(number: String) throws {
        #expect(try outcome(#"{"exp":\#(number)}"#).claims?.expireAt == now + 365 * 86_400)
        #expect(try outcome(#"{"expire_at":\#(number)}"#).claims?.expireAt == now + 365 * 86_400)
        #expect(try outcome(#"{"nbf":\#(number)}"#).isInvalid)
        #expect(try outcome(#"{"exp":-\#(number)}"#) == .expired)
    }

    @Test("times near the ends of the clock do not overflow", arguments: [Int64.max, 0, -1, Int64.min])
    func strangeClock(nowMs: Int64) throws {
        let verifier = try secretVerifier()
        for number in ["9223372036854775807", "-9223372036854775808", "0", "1e400"] {
            let text = try token(#"{"exp":\#(number),"nbf":0}"#)
            _ = verifier.verifyConnection(token: text, nowMs: nowMs)
        }
    }

    @Test("expire_at replaces exp as the end, and 0 means never, but exp is still checked")
    func expireAt() throws {
        #expect(try outcome(#"{"exp":\#(now + 5),"expire_at":\#(now + 500)}"#).claims?.expireAt == now + 500)
        #expect(try outcome(#"{"exp":\#(now + 5),"expire_at":0}"#).claims?.expireAt == 0)
        #expect(try outcome(#"{"exp":\#(now - 5),"expire_at":0}"#) == .expired)
        #expect(try outcome(#"{"expire_at":\#(now - 5)}"#) == .expired)
        #expect(try outcome(#"{"expire_at":-5}"#).isInvalid)
    }

    @Test("before nbf a token is refused")
    func notBefore() throws {
        #expect(try outcome(#"{"nbf":\#(now + 1)}"#).isInvalid)
        #expect(try outcome(#"{"nbf":\#(now)}"#).claims != nil)
        #expect(try outcome(#"{"nbf":"soon"}"#).isInvalid)
    }

    @Test("the audience may be a text or a list, and one of it must be ours")
    func audience() throws {
        let ours: (inout TokenConfiguration) -> Void = { $0.audience = "pharos" }
        #expect(try outcome(#"{"aud":"pharos"}"#, ours).claims != nil)
        #expect(try outcome(#"{"aud":["other","pharos"]}"#, ours).claims != nil)
        for wrong in [#""other""#, #"["other"]"#, "[]", "7", #"["pharos",7]"#, "{}", "null", #""pharos2""#] {
            #expect(try outcome(#"{"aud":\#(wrong)}"#, ours).isInvalid)
        }
        #expect(try outcome("{}", ours).isInvalid)
    }

    @Test("patterns for audience and issuer")
    func patterns() throws {
        let both: (inout TokenConfiguration) -> Void = {
            $0.audienceRegex = "^app-[0-9]+$"
            $0.issuerRegex = "^https://(?P<tenant>[a-z]+)\\.example\\.com$"
        }
        #expect(try outcome(#"{"aud":["x","app-7"],"iss":"https://one.example.com"}"#, both).claims != nil)
        #expect(try outcome(#"{"aud":"app-","iss":"https://one.example.com"}"#, both).isInvalid)
        #expect(try outcome(#"{"aud":"app-7","iss":"https://one.example.com.evil"}"#, both).isInvalid)
        #expect(try outcome(#"{"aud":"app-7"}"#, both).isInvalid)
    }

    @Test("info is the JSON text, without white space that could break a frame; b64info is decoded")
    func info() throws {
        #expect(
            try outcome("{\"info\":{ \"a\" :\n[1, 2.50, \"b \\\" c\"] }}").claims?.info
                == Array(#"{"a":[1,2.50,"b \" c"]}"#.utf8))
        #expect(try outcome(#"{"info":"text"}"#).claims?.info == Array(#""text""#.utf8))
        #expect(try outcome(#"{"info":null}"#).claims?.info == [])
        #expect(try outcome(#"{"b64info":"AAEC/w==","info":{}}"#).claims?.info == [0, 1, 2, 255])
        #expect(try outcome(#"{"b64info":"AAEC_w"}"#).isInvalid)
        #expect(try outcome(#"{"b64info":7}"#).isInvalid)
    }

    @Test("channels, subs and meta")
    func subscriptions() throws {
        let claims = try #require(
            try outcome(
                """
                {"sub":"42","channels":["a","b"],"meta":{"plan": "x"},"subs":{"news":{"info":{"r":1},"b64data":"AQ==",
                "override":{"presence":{"value":true},"join_leave":{"value":false},"force_recovery":{"value":true},
                "force_positioning":{"value":false},"force_push_join_leave":{"value":true}}},"plain":{}}}
                """
            ).claims)
        #expect(claims.channels == ["a", "b"])
        #expect(claims.meta == Array(#"{"plan":"x"}"#.utf8))
        #expect(claims.subscriptions.count == 2)
        #expect(claims.subscriptions["plain"] == SubscriptionOptions())
        let news = try #require(claims.subscriptions["news"])
        #expect(news.info == Array(#"{"r":1}"#.utf8))
        #expect(news.data == [1])
        #expect(news.override.presence == true)
        #expect(news.override.joinLeave == false)
        #expect(news.override.forceRecovery == true)
        #expect(news.override.forcePositioning == false)
        #expect(news.override.forcePushJoinLeave == true)
    }

    @Test(
        "claims of the wrong kind are refused, not guessed at",
        arguments: [
            #"{"channels":"a"}"#, #"{"channels":[1]}"#, #"{"subs":[]}"#, #"{"subs":{"a":1}}"#, #"{"meta":[]}"#,
            #"{"meta":"x"}"#, #"{"subs":{"a":{"override":true}}}"#, #"{"subs":{"a":{"override":{"presence":true}}}}"#,
            #"{"subs":{"a":{"override":{"presence":{"value":1}}}}}"#, #"{"subs":{"a":{"override":{"presence":{}}}}}"#,
            #"{"subs":{"a":{"b64data":"?"}}}"#, #"{"sub":"1","sub":"2"}"#, "[]", "7", "", #"{"a":1}x"#,
        ])
    func wrongKinds(claims: String) throws {
        #expect(try outcome(claims).isInvalid)
    }

    @Test("the previous HMAC secret counts until its time, the new one always")
    func rotation() throws {
        let verifier = try verifier {
            $0.hmacSecretKey = "new"
            $0.hmacPreviousSecretKey = "old"
            $0.hmacPreviousSecretKeyValidUntil = now + 60
        }
        let old = try token(#"{"sub":"42"}"#, .hmac(secret: "old"))
        let new = try token(#"{"sub":"42"}"#, .hmac(secret: "new"))
        #expect(verifier.verifyConnection(token: old, nowMs: nowMs + 59_999).claims != nil)
        #expect(verifier.verifyConnection(token: old, nowMs: nowMs + 60_000).isInvalid)
        #expect(verifier.verifyConnection(token: new, nowMs: nowMs + 60_000).claims != nil)
        let endless = try secretVerifier { $0.hmacPreviousSecretKey = "old" }
        #expect(endless.verifyConnection(token: old, nowMs: nowMs * 1_000).claims != nil)
    }
}
