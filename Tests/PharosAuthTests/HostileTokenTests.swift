import PharosAuth
import PharosBytes
import PharosDomain
import PharosTestKit
import Testing

@Suite("Hostile tokens")
struct HostileTokenTests {
    @Test(
        "what is not three parts of base64url is refused",
        arguments: [
            "", ".", "..", "...", "a.b", "a.b.c.d", "e30.e30.", "e30=.e30.e30", "💥.💥.💥", " e30.e30.e30", "\0.\0.\0",
        ])
    func malformed(text: String) throws {
        #expect(try secretVerifier().verifyConnection(token: text, nowMs: nowMs).isInvalid)
    }

    @Test(
        "a header with anything critical, unknown or doubtful is refused, however well it is signed",
        arguments: [
            #"{"alg":"HS256","crit":["b64"],"b64":false}"#, #"{"alg":"HS256","crit":[]}"#,
            #"{"alg":"HS256","crit":null}"#,
            #"{"alg":"HS256","alg":"HS256"}"#, #"{"alg":["HS256"]}"#, #"{"ALG":"HS256"}"#, #"{"typ":"JWT"}"#,
            #"{"alg":"HS256","kid":7}"#, "[]", #""HS256""#, "", #"{"alg":"HS256"} x"#, #"{"alg":"RS256"}"#,
        ])
    func headers(header: String) throws {
        #expect(try secretVerifier().verifyConnection(token: tokenWithHeader(header), nowMs: nowMs).isInvalid)
    }

    @Test("a plain header is accepted, whatever typ and kid say to a fixed key")
    func plainHeaders() throws {
        for header in [#"{"alg":"HS256"}"#, #"{"alg":"HS256","typ":"at+jwt","kid":"x","x":1}"#] {
            let outcome = try secretVerifier().verifyConnection(token: tokenWithHeader(header), nowMs: nowMs)
            #expect(outcome.claims?.user == "42")
        }
    }

    @Test("a header cannot bring or point to a key")
    func embeddedKeys() async throws {
        let key = PublishedKey("evil")
        let server = KeyServer()
        server.serve(keySet(PublishedKey("good").webKey))
        let verifier = try server.verifier()
        await verifier.loadKeys()
        let signed = try key.token(#"{"sub":"42"}"#)
        let parts = signed.split(separator: ".")
        let header = #"{"alg":"ES256","jwk":\#(key.webKey),"jku":"https://evil.example","x5u":"https://evil.example"}"#
        let text = "\(Base64.encode(Array(header.utf8), .url)).\(parts[1]).\(parts[2])"
        server.advance(seconds: 60)
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs).claims == nil)
        await verifier.loadKeys()
        #expect(Set(server.requests) == ["https://idp.example/keys"])
    }

    @Test("a token of exactly the limit counts, one byte more is too long", arguments: [16_384, 700])
    func size(limit: Int) throws {
        let verifier = try secretVerifier { if limit != 16_384 { $0.maxLength = limit } }
        func filled(_ filler: Int) throws -> String {
            try token(#"{"sub":"42","x":"\#(String(repeating: "x", count: filler))"}"#)
        }
        var filler = 1
        while try filled(filler).utf8.count <= limit {
            #expect(verifier.verifyConnection(token: try filled(filler), nowMs: nowMs).claims != nil)
            filler += limit / 20
        }
        let long = try filled(filler)
        #expect(
            verifier.verifyConnection(token: long, nowMs: nowMs) == .tooLong(length: long.utf8.count, limit: limit))
        let dots = String(repeating: ".", count: limit + 1)
        #expect(verifier.verifySubscription(token: dots, nowMs: nowMs) == .tooLong(length: limit + 1, limit: limit))
        #expect(verifier.verifyConnection(token: String(repeating: ".", count: limit), nowMs: nowMs).isInvalid)
    }

    @Test("a token with 150 groups of 40 characters counts")
    func groups() throws {
        let groups = (0..<150).map { "\"group-\($0)-" + String(repeating: "g", count: 30) + "\"" }.joined(
            separator: ",")
        let text = try token(#"{"sub":"42","meta":{"groups":[\#(groups)]}}"#)
        #expect(text.utf8.count > 8_500)
        #expect(try secretVerifier().verifyConnection(token: text, nowMs: nowMs).claims?.user == "42")
    }

    @Test("half a surrogate pair passes in what is passed on, and is no user, channel or anything else that is read")
    func halfPairs() throws {
        let verifier = try secretVerifier()
        let info = #"{"name":"cut \ud83e","\udc00":["\ud83e\ud83e\udd14"]}"#
        let claims = verifier.verifyConnection(
            token: try token(#"{"sub":"42","info":\#(info),"meta":\#(info)}"#), nowMs: nowMs
        ).claims
        #expect(claims?.info == Array(info.utf8))
        #expect(claims?.meta == Array(info.utf8))
        for claims in [#"{"sub":"\ud83e"}"#, #"{"sub":"a","channels":["\ud83e"]}"#] {
            #expect(verifier.verifyConnection(token: try token(claims), nowMs: nowMs).isInvalid, "\(claims)")
        }
        #expect(verifier.verifySubscription(token: try token(#"{"channel":"\ud83e"}"#), nowMs: nowMs).isInvalid)
    }

    @Test("deep nesting is refused, before it can exhaust a stack")
    func nesting() throws {
        let deep = String(repeating: "[", count: 2_500) + String(repeating: "]", count: 2_500)
        #expect(try secretVerifier().verifyConnection(token: try token(#"{"a":\#(deep)}"#), nowMs: nowMs).isInvalid)
    }

    @Test("no refusal repeats anything from the token")
    func refusalsAreSilent() throws {
        let marked = [
            #"{"sub":"marker","channel":"marker"}"#, #"{"sub":7,"marker":1}"#, #"{"sub":"1","meta":"marker"}"#,
            #"{"iss":"marker"}"#, #"{"exp":"marker"}"#, #"{"b64info":"marker!"}"#, #"{"subs":{"marker":"marker"}}"#,
        ]
        let verifier = try secretVerifier { $0.issuerRegex = "^$|^x$" }
        let headers = [#"{"alg":"marker"}"#, #"{"alg":"HS256","kid":{"marker":1}}"#].map { tokenWithHeader($0) }
        for text in try marked.map({ try token($0) }) + headers + ["marker", "marker.marker.marker"] {
            guard case .invalid(let fault) = verifier.verifyConnection(token: text, nowMs: nowMs) else { continue }
            #expect(!fault.text.contains("marker"))
        }
    }

    @Test("random bytes and random damage crash nothing and open nothing")
    func random() throws {
        var generator = SeededGenerator(seed: 42)
        let verifier = try secretVerifier { $0.rsaPublicKey = RSAFixtures.publicKey }
        let good = Array(try token(#"{"sub":"42","exp":1e3,"subs":{"a":{"override":{}}},"aud":["x"]}"#).utf8)
        for _ in 0..<4_000 {
            var bytes = good
            switch generator.next() % 3 {
            case 0:
                bytes = (0..<Int(generator.next() % 200)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            case 1:
                for _ in 0...Int(generator.next() % 4) {
                    bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
                }
            default:
                bytes.removeSubrange(0..<Int(generator.next() % UInt64(bytes.count)))
            }
            let text = String(decoding: bytes, as: UTF8.self)
            guard text.utf8.elementsEqual(good) == false else { continue }
            #expect(verifier.verifyConnection(token: text, nowMs: nowMs).isInvalid)
            #expect(verifier.verifySubscription(token: text, nowMs: nowMs).isInvalid)
        }
    }

    @Test("random claims, well signed, crash nothing")
    func randomClaims() throws {
        var generator = SeededGenerator(seed: 7)
        let verifier = try secretVerifier()
        let good = Array(
            #"{"sub":"42","exp":1e3,"nbf":-0.5,"subs":{"a":{"override":{"presence":{"value":true}}}},"b64info":"AA=="}"#
                .utf8)
        let alphabet = Array(#"{}[]",:0123456789eE+-.\utfnals "#.utf8)
        for _ in 0..<3_000 {
            var bytes = good
            for _ in 0...Int(generator.next() % 6) {
                bytes[Int(generator.next() % UInt64(bytes.count))] =
                    alphabet[
                        Int(generator.next() % UInt64(alphabet.count))]
            }
            let text = try JWTSigner(.hmac(secret: "secret"), algorithm: .hs256).sign(claims: bytes)
            _ = verifier.verifyConnection(token: text, nowMs: nowMs)
            _ = verifier.verifySubscription(token: text, nowMs: nowMs)
        }
    }
}
