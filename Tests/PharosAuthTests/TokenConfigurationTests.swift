import PharosAuth
import PharosDomain
import Testing

@Suite("Token configuration")
struct TokenConfigurationTests {
    private func error(_ configure: (inout TokenConfiguration) -> Void) -> TokenConfigurationError? {
        var configuration = TokenConfiguration()
        configure(&configuration)
        do throws(TokenConfigurationError) {
            _ = try JWTVerifier(TokensConfiguration(connection: configuration), fetch: { _ in [] })
            return nil
        } catch {
            return error
        }
    }

    @Test("a key that is none is an error that names the setting and not the key")
    func badKeys() throws {
        let rsa = try #require(error { $0.rsaPublicKey = "not a key" })
        #expect(rsa.setting == "rsa_public_key")
        #expect(!rsa.description.contains("not a key"))
        #expect(error { $0.rsaPublicKey = RSAFixtures.smallPublicKey }?.setting == "rsa_public_key")
        #expect(error { $0.rsaPublicKey = RSAFixtures.privateKey }?.setting == "rsa_public_key")
        #expect(error { $0.ecdsaPublicKey = RSAFixtures.publicKey }?.setting == "ecdsa_public_key")
        #expect(error { $0.rsaPublicKey = RSAFixtures.publicKey } == nil)
    }

    @Test("patterns must be patterns, and cannot stand beside a fixed value")
    func badPatterns() {
        #expect(error { $0.issuerRegex = "(" }?.setting == "issuer_regex")
        #expect(error { $0.audienceRegex = "[" }?.setting == "audience_regex")
        #expect(
            error {
                $0.issuer = "a"
                $0.issuerRegex = "a"
            }?.setting == "issuer_regex")
        #expect(
            error {
                $0.audience = "a"
                $0.audienceRegex = "a"
            }?.setting == "audience_regex")
    }

    @Test(
        "user_id_claim consists of letters and underscores", arguments: ["user-id", "user id", "ü", "1", "a.b", "a\n"])
    func badUserIDClaim(name: ClaimName) {
        #expect(error { $0.userIDClaim = name }?.setting == "user_id_claim")
    }

    @Test("a variable in the address needs a closed list of values and a group that names it")
    func placeholders() {
        func setting(_ endpoint: String, _ variables: [String: [String]] = [:], issuer: String = "(?<t>.*)") -> String?
        {
            error {
                $0.jwksEndpoint = endpoint
                $0.jwksVariables = variables
                $0.issuerRegex = issuer
            }?.setting
        }
        #expect(setting("https://a/keys") == nil)
        #expect(setting("file:///etc/passwd") == "jwks_public_endpoint")
        #expect(setting("https://{{t}}/keys") == "jwks_public_endpoint")
        #expect(setting("https://{{t/keys", ["t": ["a"]]) != nil)
        #expect(setting("https://{{t}}/keys", ["t": []]) == "jwks_public_endpoint")
        #expect(setting("https://{{t}}/keys", ["t": ["a"]]) == nil)
        #expect(setting("https://{{t}}/keys", ["t": ["a"]], issuer: "(?<other>.*)") == "jwks_variables")
        #expect(setting("https://a/keys", ["t": ["a"]]) == "jwks_variables")
        for value in ["", "a/b", "..", "a@b", "a?b", "a#b", "a%2f", "ä"] {
            #expect(setting("https://{{t}}/keys", ["t": [value]]) == "jwks_variables")
        }
        #expect(setting("https://{{t}}/keys", ["t": ["a", "a"]]) == "jwks_variables")
        #expect(setting("https://{{t}}/keys", ["t": (0..<64).map { "v\($0)" }]) == nil)
        #expect(setting("https://{{t}}/keys", ["t": (0..<65).map { "v\($0)" }]) == "jwks_variables")
    }
}
