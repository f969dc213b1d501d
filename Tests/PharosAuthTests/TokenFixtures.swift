import FoundationEssentials
import PharosAuth
import PharosBytes
import PharosCrypto
import PharosDomain
import Synchronization

/// The moment at which most of these stories happen.
///
/// It is in milliseconds and seconds since 1970.
let nowMs: Int64 = 1_700_000_000_000
let now: Int64 = 1_700_000_000

/// Signs claims written as JSON.
func token(
    _ claims: String, _ key: SigningKey = .hmac(secret: "secret"), _ algorithm: TokenAlgorithm = .hs256,
    keyID: KeyID? = nil
) throws -> String {
    try JWTSigner(key, algorithm: algorithm, keyID: keyID).sign(claims: Array(claims.utf8))
}

/// A token with any header, signed by HS256 with `secret`.
func tokenWithHeader(_ header: String, claims: String = #"{"sub":"42"}"#, secret: String = "secret") -> String {
    let message = Base64.encode(Array(header.utf8), .url) + "." + Base64.encode(Array(claims.utf8), .url)
    let code = SecretKey(Array(secret.utf8)).code(for: Array(message.utf8), .sha256)
    return message + "." + Base64.encode(code, .url)
}

/// A verifier that must not fetch anything.
func verifier(_ configure: (inout TokenConfiguration) -> Void) throws -> JWTVerifier {
    var configuration = TokenConfiguration()
    configure(&configuration)
    return try JWTVerifier(TokensConfiguration(connection: configuration), fetch: { _ in throw KeyServer.Down() })
}

/// A verifier for tokens that the secret "secret" has signed.
func secretVerifier(_ configure: (inout TokenConfiguration) -> Void = { _ in }) throws -> JWTVerifier {
    try verifier {
        $0.hmacSecretKey = "secret"
        configure(&$0)
    }
}

extension TokenOutcome {
    var claims: Claims? {
        if case .valid(let claims) = self { return claims }
        return nil
    }

    var isInvalid: Bool {
        if case .invalid = self { return true }
        return false
    }
}

/// An identity provider in memory.
///
/// It answers with documents, and remembers the requests.
final class KeyServer: Sendable {
    struct Down: Error {}

    private struct State {
        var documents: [String: String] = [:]
        var requests: [String] = []
        var nowMs: Int64 = 1_000_000
    }

    private let state = Mutex(State())

    func serve(_ document: String?, at address: String = "https://idp.example/keys") {
        state.withLock { $0.documents[address] = document }
    }

    var requests: [String] { state.withLock(\.requests) }

    func advance(seconds: Int64) {
        state.withLock { $0.nowMs += seconds * 1_000 }
    }

    func fetch(_ address: String) throws -> [UInt8] {
        try state.withLock { state in
            state.requests.append(address)
            guard let document = state.documents[address] else { throw Down() }
            return Array(document.utf8)
        }
    }

    /// A verifier that gets its keys here.
    func verifier(_ configure: (inout TokenConfiguration) -> Void = { _ in }) throws -> JWTVerifier {
        var configuration = TokenConfiguration()
        configuration.jwksEndpoint = "https://idp.example/keys"
        configure(&configuration)
        return try JWTVerifier(
            TokensConfiguration(connection: configuration), fetch: { try self.fetch($0) },
            monotonicMs: { self.state.withLock(\.nowMs) })
    }
}

/// A P-256 pair as an identity provider has it.
struct PublishedKey: Sendable {
    let keyID: KeyID?
    private let key = PrivateKey(.p256)

    init(_ keyID: KeyID?) {
        self.keyID = keyID
    }

    var webKey: String {
        let point = Array(key.publicKey.point!.dropFirst())
        let id = keyID.map { #","kid":"\#($0)""# } ?? ""
        let x = Base64.encode(Array(point[..<32]), .url)
        let y = Base64.encode(Array(point[32...]), .url)
        return #"{"kty":"EC","crv":"P-256","use":"sig","x":"\#(x)","y":"\#(y)"\#(id)}"#
    }

    func token(_ claims: String) throws -> String {
        try JWTSigner(.ecdsa(pem: key.pem), algorithm: .es256, keyID: keyID)
            .sign(claims: Array(claims.utf8))
    }
}

func keySet(_ keys: String...) -> String {
    #"{"keys":[\#(keys.joined(separator: ","))]}"#
}
