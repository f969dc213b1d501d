import FoundationEssentials
import PharosAuth
import PharosBytes
import PharosCrypto
import PharosDomain
import Synchronization
import Testing

@Suite("Fetched key sets")
struct KeySetTests {
    @Test("the first token asks for the keys, which are fetched once and then at hand")
    func firstUse() async throws {
        let key = PublishedKey("a")
        let server = KeyServer()
        server.serve(keySet(key.webKey))
        let verifier = try server.verifier()
        let good = try key.token(#"{"sub":"42"}"#)
        #expect(verifier.verifyConnection(token: good, nowMs: nowMs) == .needsKeys)
        #expect(server.requests.isEmpty)
        await verifier.loadKeys()
        #expect(verifier.verifyConnection(token: good, nowMs: nowMs).claims?.user == "42")
        await verifier.loadKeys()
        #expect(server.requests.count == 1)
    }

    @Test("an unknown key id fetches anew, at most once in ten seconds")
    func rotation() async throws {
        let old = PublishedKey("old")
        let new = PublishedKey("new")
        let server = KeyServer()
        server.serve(keySet(old.webKey))
        let verifier = try server.verifier()
        await verifier.loadKeys()
        server.serve(keySet(old.webKey, new.webKey))
        let text = try new.token(#"{"sub":"42"}"#)
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs).isInvalid)
        server.advance(seconds: 10)
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs) == .needsKeys)
        await verifier.loadKeys()
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs).claims?.user == "42")
        for index in 0..<100 {
            let stranger = try PublishedKey("unknown\(index)").token("{}")
            #expect(verifier.verifyConnection(token: stranger, nowMs: nowMs).isInvalid)
            await verifier.loadKeys()
        }
        #expect(server.requests.count == 2)
    }

    @Test("a key that has left the set is no longer trusted once the set was renewed")
    func revocation() async throws {
        let old = PublishedKey("old")
        let server = KeyServer()
        server.serve(keySet(old.webKey))
        let verifier = try server.verifier()
        await verifier.loadKeys()
        server.serve(keySet(PublishedKey("new").webKey))
        let text = try old.token("{}")
        server.advance(seconds: 3_599)
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs).claims != nil)
        server.advance(seconds: 1)
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs) == .needsKeys)
        await verifier.loadKeys()
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs).isInvalid)
    }

    @Test("a forged signature with a known key id causes no fetch")
    func forgery() async throws {
        let server = KeyServer()
        server.serve(keySet(PublishedKey("a").webKey))
        let verifier = try server.verifier()
        await verifier.loadKeys()
        server.advance(seconds: 60)
        #expect(verifier.verifyConnection(token: try PublishedKey("a").token("{}"), nowMs: nowMs).isInvalid)
        await verifier.loadKeys()
        #expect(server.requests.count == 1)
    }

    @Test("without a key id every key of the family is tried, and newer keys are asked for if none fits")
    func withoutKeyID() async throws {
        let mine = PublishedKey(nil)
        let server = KeyServer()
        server.serve(keySet(PublishedKey("a").webKey, PublishedKey(nil).webKey, mine.webKey))
        let verifier = try server.verifier()
        await verifier.loadKeys()
        #expect(verifier.verifyConnection(token: try mine.token("{}"), nowMs: nowMs).claims != nil)
        let next = PublishedKey(nil)
        server.serve(keySet(next.webKey))
        server.advance(seconds: 10)
        #expect(verifier.verifyConnection(token: try next.token("{}"), nowMs: nowMs) == .needsKeys)
        await verifier.loadKeys()
        #expect(verifier.verifyConnection(token: try next.token("{}"), nowMs: nowMs).claims != nil)
        #expect(verifier.verifyConnection(token: try mine.token("{}"), nowMs: nowMs).isInvalid)
    }

    @Test(
        "a failed fetch is an answer too, keeps the old keys, and is tried again later",
        arguments: [
            nil, "", "{}", #"{"keys":7}"#, "<html>", #"{"keys":[],"x":"\#(String(repeating: "x", count: 1_048_576))"}"#,
        ])
    func failure(document: String?) async throws {
        let key = PublishedKey("a")
        let server = KeyServer()
        server.serve(document)
        let verifier = try server.verifier()
        let text = try key.token("{}")
        await verifier.loadKeys()
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs) == .unavailable)
        server.serve(keySet(key.webKey))
        server.advance(seconds: 10)
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs) == .needsKeys)
        await verifier.loadKeys()
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs).claims != nil)
        server.serve(document)
        server.advance(seconds: 3_600)
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs) == .needsKeys)
        await verifier.loadKeys()
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs).claims != nil)
    }

    @Test("HMAC tokens never ask for keys, and a secret in a key set is not a key")
    func noSharedSecrets() async throws {
        let server = KeyServer()
        let secret = Base64.encode(Array("secret".utf8), .url)
        server.serve(keySet(#"{"kty":"oct","k":"\#(secret)"}"#))
        let verifier = try server.verifier()
        #expect(verifier.verifyConnection(token: try token("{}"), nowMs: nowMs).isInvalid)
        await verifier.loadKeys()
        #expect(verifier.verifyConnection(token: try token("{}"), nowMs: nowMs).isInvalid)
    }

    @Test(
        "keys for other uses are left out",
        arguments: [
            #""use":"enc""#, #""use":7"#, #""key_ops":["sign"]"#, #""alg":"RS512""#, #""alg":"ES256""#, #""kid":7"#,
            #""alg":"none""#,
        ])
    func otherUses(member: String) async throws {
        let server = KeyServer()
        let key = #"{"kty":"RSA","n":"\#(RSAFixtures.modulus)","e":"AQAB""#
        let text = try token("{}", .rsa(pem: RSAFixtures.privateKey), .rs256)
        server.serve(keySet(key + "}"))
        let plain = try server.verifier()
        await plain.loadKeys()
        #expect(plain.verifyConnection(token: text, nowMs: nowMs).claims != nil)
        server.serve(keySet("\(key),\(member)}"))
        let verifier = try server.verifier()
        await verifier.loadKeys()
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs).isInvalid)
    }

    @Test(
        "broken keys are left out and do not spoil the others",
        arguments: [
            #"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, #"{"kty":"RSA"}"#,
            #"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
            #"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#, #"{"kty":"OKP","crv":"X25519","x":"AA"}"#, "7", "null",
            #"{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        ])
    func brokenKeys(webKey: String) async throws {
        let key = PublishedKey("a")
        let server = KeyServer()
        server.serve(keySet(webKey, key.webKey))
        let verifier = try server.verifier()
        await verifier.loadKeys()
        #expect(verifier.verifyConnection(token: try key.token("{}"), nowMs: nowMs).claims != nil)
    }

    @Test("a set with more keys than anybody needs is refused")
    func tooManyKeys() async throws {
        let key = PublishedKey("a")
        let server = KeyServer()
        server.serve(#"{"keys":[\#(Array(repeating: key.webKey, count: 65).joined(separator: ","))]}"#)
        let verifier = try server.verifier()
        await verifier.loadKeys()
        #expect(verifier.verifyConnection(token: try key.token("{}"), nowMs: nowMs) == .unavailable)
    }

    @Test("many who wait at the same time share one fetch")
    func coalescing() async throws {
        let key = PublishedKey("a")
        let gate = Gate()
        var configuration = TokenConfiguration()
        configuration.jwksEndpoint = "https://idp.example/keys"
        let document = Array(keySet(key.webKey).utf8)
        let counter = RequestCounter()
        let verifier = try JWTVerifier(TokensConfiguration(connection: configuration)) { _ in
            counter.count()
            await gate.wait()
            return document
        }
        let text = try key.token(#"{"sub":"42"}"#)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    let before = verifier.verifyConnection(token: text, nowMs: nowMs)
                    await verifier.loadKeys()
                    let after = verifier.verifyConnection(token: text, nowMs: nowMs)
                    return (before == .needsKeys || before.claims != nil) && after.claims?.user == "42"
                }
            }
            group.addTask {
                gate.open()
                return true
            }
            for await isRight in group { #expect(isRight) }
        }
        #expect(counter.total == 1)
    }

    @Test("keys reloaded while many threads verify: old or new answer, nothing else")
    func reloadRace() async throws {
        let stays = PublishedKey("stays")
        let leaves = PublishedKey("leaves")
        let server = KeyServer()
        server.serve(keySet(stays.webKey, leaves.webKey))
        let verifier = try server.verifier()
        await verifier.loadKeys()
        let staying = try stays.token(#"{"sub":"stays"}"#)
        let leaving = try leaves.token(#"{"sub":"leaves"}"#)
        let forged = try PublishedKey("stays").token(#"{"sub":"evil"}"#)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var isRight = true
                    for _ in 0..<150 {
                        let first = verifier.verifyConnection(token: staying, nowMs: nowMs)
                        isRight = isRight && (first.claims?.user == "stays" || first == .needsKeys)
                        let second = verifier.verifyConnection(token: leaving, nowMs: nowMs)
                        isRight =
                            isRight && (second.claims?.user == "leaves" || second == .needsKeys || second.isInvalid)
                        isRight = isRight && verifier.verifyConnection(token: forged, nowMs: nowMs).claims == nil
                    }
                    return isRight
                }
            }
            group.addTask {
                for round in 0..<50 {
                    server.serve(round % 2 == 0 ? keySet(stays.webKey) : keySet(stays.webKey, leaves.webKey))
                    server.advance(seconds: 3_600)
                    _ = verifier.verifyConnection(token: staying, nowMs: nowMs)
                    await verifier.loadKeys()
                }
                return true
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}

/// Counts from any thread.
private final class RequestCounter: Sendable {
    private let value = Mutex(0)
    func count() { value.withLock { $0 += 1 } }
    var total: Int { value.withLock { $0 } }
}

/// Lets no caller through before it is opened.
private final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
