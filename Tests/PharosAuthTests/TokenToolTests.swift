import PharosAuth
import PharosDomain
import Testing

@Suite("Making and inspecting tokens")
struct TokenToolTests {
    @Test("a requested connection token verifies and says what was asked")
    func connectionToken() throws {
        var request = TokenRequest(user: "4\"2\n")
        request.information = #"{ "name": "Ann" }"#
        request.audience = "pharos"
        request.issuer = "tool"
        let text = try JWTSigner(.hmac(secret: "secret"), algorithm: .hs512).sign(claims: request.claims(nowMs: nowMs))
        let verifier = try secretVerifier {
            $0.audience = "pharos"
            $0.issuer = "tool"
        }
        let claims = verifier.verifyConnection(token: text, nowMs: nowMs).claims
        #expect(claims?.user == "4\"2\n")
        #expect(claims?.expireAt == now + 3_600)
        #expect(claims?.info == Array(#"{"name":"Ann"}"#.utf8))
    }

    @Test("with a channel it is a subscription token")
    func subscriptionToken() throws {
        var request = TokenRequest(user: "42")
        request.channel = "news"
        request.timeToLive = 0
        let text = try JWTSigner(.hmac(secret: "secret"), algorithm: .hs256).sign(claims: request.claims(nowMs: nowMs))
        let verifier = try secretVerifier()
        #expect(verifier.verifySubscription(token: text, nowMs: nowMs).claims?.channel == "news")
        #expect(verifier.verifySubscription(token: text, nowMs: nowMs).claims?.expireAt == 0)
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs).isInvalid)
    }

    @Test("requests that make no sense are refused")
    func badRequests() {
        var request = TokenRequest(user: "42")
        request.information = "{"
        #expect(throws: TokenRequest.Failure.informationIsNotJSON) { try request.claims(nowMs: nowMs) }
        request.information = nil
        for timeToLive: Int64 in [-1, .min, .max, 31_536_001] {
            request.timeToLive = timeToLive
            #expect(throws: TokenRequest.Failure.timeToLiveOutOfRange) { try request.claims(nowMs: nowMs) }
        }
    }

    @Test("signing with a key of another family fails")
    func wrongKey() {
        #expect(throws: JWTSigner.Failure.algorithmNotOfKey) { try token("{}", .hmac(secret: "x"), .rs256) }
        #expect(throws: JWTSigner.Failure.unusableKey) { try token("{}", .rsa(pem: "x"), .rs256) }
        #expect(throws: JWTSigner.Failure.unusableKey) { try token("{}", .ed25519(seed: [1]), .edDSA) }
    }

    @Test("inspection tells valid, expired, invalid and unchecked apart")
    func inspection() throws {
        var secret = TokenConfiguration()
        secret.hmacSecretKey = "secret"
        func verdict(_ text: String, _ configuration: TokenConfiguration) throws -> TokenInspection.Verdict? {
            let tokens = TokensConfiguration(connection: configuration)
            return try TokenInspection(token: text, configuration: tokens, nowMs: nowMs)?.verdict
        }
        let good = try token(#"{"sub":"42","exp":\#(now + 9)}"#)
        #expect(try verdict(good, secret) == .valid)
        #expect(try verdict(good, TokenConfiguration()) == .unchecked)
        #expect(try verdict(try token(#"{"exp":1}"#), secret) == .expired)
        #expect(try verdict(try token("{}", .hmac(secret: "x")), secret) == .invalid("the token's signature is wrong"))
        #expect(try verdict("no token", secret) == nil)
        // Parts that the server would not look at are shown here, and marked as such.
        let long = try token(#"{"x":"\#(String(repeating: "x", count: 16_384))"}"#)
        for configuration in [secret, TokenConfiguration()] {
            #expect(
                try verdict(long, configuration)
                    == .invalid("token too long: \(long.utf8.count) bytes, at most 16384 (max_length)"))
        }
        #expect(try verdict("e30.W10.", secret) == nil)
        let subscription = try TokenInspection(
            token: try token(#"{"channel":"a"}"#), configuration: TokensConfiguration(connection: secret), nowMs: nowMs)
        #expect(subscription?.verdict == .valid)
        #expect(subscription?.isForSubscription == true)
    }

    @Test("the report cannot command a terminal")
    func reportIsPrintable() throws {
        let text = try token("{\"sub\":\"a\u{9B}31m\u{202E}é\",\n\"exp\":9223372036854775807}")
        let inspection = try #require(
            try TokenInspection(token: text, configuration: TokensConfiguration(), nowMs: -nowMs))
        #expect(inspection.claims == #"{"sub":"a\u009b31m\u202eé","exp":9223372036854775807}"#)
        #expect(inspection.report(nowMs: -nowMs).contains("expires  9223372036854775807\n"))
        #expect(inspection.report(nowMs: nowMs).contains("verdict  not checked"))
    }
}
