import PharosAuth
import PharosDomain
import Testing

@Suite("Addresses of key sets")
struct KeySetAddressTests {
    private static func tenants(_ configuration: inout TokenConfiguration) {
        configuration.jwksEndpoint = "https://idp.example/{{tenant}}/keys"
        configuration.jwksVariables = ["tenant": ["one", "two"]]
        configuration.issuerRegex = "^https://idp\\.example/(?P<tenant>[a-z./:@]+)$"
    }

    @Test("a token with a hostile issuer causes no request, neither before nor after its signature is checked")
    func hostileIssuer() async throws {
        let key = PublishedKey("a")
        let server = KeyServer()
        server.serve(keySet(key.webKey), at: "https://idp.example/one/keys")
        server.serve(keySet(), at: "https://idp.example/two/keys")
        let verifier = try server.verifier(Self.tenants)
        let addresses = ["https://idp.example/one/keys", "https://idp.example/two/keys"]
        for issuer in ["evil", "../../admin", "@evil.example", "169.254.169.254/latest", "three"] {
            for signer in [key, PublishedKey("b"), PublishedKey(nil)] {
                let text = try signer.token(#"{"sub":"42","iss":"https://idp.example/\#(issuer)"}"#)
                _ = verifier.verifyConnection(token: text, nowMs: nowMs)
                await verifier.loadKeys()
                server.advance(seconds: 10)
                #expect(verifier.verifyConnection(token: text, nowMs: nowMs).claims == nil)
                await verifier.loadKeys()
            }
        }
        #expect(Set(server.requests) == Set(addresses))
    }

    @Test("a tenant's key cannot sign for another tenant")
    func tenantsAreApart() async throws {
        let one = PublishedKey("same")
        let two = PublishedKey("same")
        let server = KeyServer()
        server.serve(keySet(one.webKey), at: "https://idp.example/one/keys")
        server.serve(keySet(two.webKey), at: "https://idp.example/two/keys")
        let verifier = try server.verifier(Self.tenants)
        await verifier.loadKeys()
        let claimsOne = #"{"sub":"42","iss":"https://idp.example/one"}"#
        let claimsTwo = #"{"sub":"42","iss":"https://idp.example/two"}"#
        #expect(verifier.verifyConnection(token: try one.token(claimsOne), nowMs: nowMs).claims != nil)
        #expect(verifier.verifyConnection(token: try two.token(claimsTwo), nowMs: nowMs).claims != nil)
        #expect(verifier.verifyConnection(token: try one.token(claimsTwo), nowMs: nowMs).isInvalid)
        #expect(verifier.verifyConnection(token: try two.token(claimsOne), nowMs: nowMs).isInvalid)
        #expect(verifier.verifyConnection(token: try one.token("{}"), nowMs: nowMs).isInvalid)
    }

    @Test("the other tenant's keys survive when one tenant's server is down")
    func partialFailure() async throws {
        let one = PublishedKey("one")
        let server = KeyServer()
        server.serve(keySet(one.webKey), at: "https://idp.example/one/keys")
        let verifier = try server.verifier(Self.tenants)
        await verifier.loadKeys()
        let text = try one.token(#"{"iss":"https://idp.example/one"}"#)
        server.advance(seconds: 60)
        #expect(verifier.verifyConnection(token: text, nowMs: nowMs).claims != nil)
        await verifier.loadKeys()
        #expect(server.requests.count == 2)
    }

    @Test("all combinations are fetched, and a variable that occurs twice has one value")
    func combinations() async throws {
        let server = KeyServer()
        let verifier = try server.verifier {
            $0.jwksEndpoint = "https://{{region}}.example/{{tenant}}/{{region}}"
            $0.jwksVariables = ["region": ["eu", "us"], "tenant": ["1", "2"]]
            $0.issuerRegex = "^(?<region>[a-z]+)$"
            $0.audienceRegex = "^(?<tenant>[0-9])$"
        }
        await verifier.loadKeys()
        #expect(
            Set(server.requests) == [
                "https://eu.example/1/eu", "https://eu.example/2/eu", "https://us.example/1/us",
                "https://us.example/2/us",
            ])
    }
}
