import ArgumentParser
import PharosAuth

/// `pharos token create`: prints one signed token.
struct TokenCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Print a signed token, for trying things out.",
        discussion: """
            Example: PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY=secret pharos token create --user 42
            With --channel it is a subscription token, otherwise a connection token.
            """)

    @Option(help: "The user id; an empty text makes an anonymous token.")
    var user: String

    @Option(help: "Make a subscription token for this channel.")
    var channel: String?

    @Option(name: .customLong("ttl"), help: "Seconds until it expires; 0 for never.")
    var timeToLive: Int64 = 3_600

    @Option(name: .customLong("info"), help: "JSON that other clients see of the user.")
    var information: String?

    @Option(help: "The audience (aud), if the server checks it.")
    var audience: String?

    @Option(help: "The issuer (iss), if the server checks it.")
    var issuer: String?

    @Option(help: "HS256, HS384 or HS512.")
    var algorithm: String = TokenAlgorithm.hs256.rawValue

    @OptionGroup var keyOptions: TokenKeyOptions

    func run() throws {
        let tokens = try keyOptions.tokens()
        let secret = (channel == nil ? tokens.connection : tokens.subscription ?? tokens.connection).hmacSecretKey
        guard !secret.isEmpty else {
            throw ValidationError("No secret: give --secret, or configure client.token.hmac_secret_key.")
        }
        guard let algorithm = TokenAlgorithm(rawValue: algorithm), algorithm.family == .hmac else {
            throw ValidationError("The algorithm must be HS256, HS384 or HS512.")
        }
        print(try JWTSigner(.hmac(secret: secret), algorithm: algorithm).sign(claims: try claims()))
    }

    private func claims() throws -> [UInt8] {
        var request = TokenRequest(user: user)
        request.channel = channel
        request.timeToLive = timeToLive
        request.information = information
        request.audience = audience
        request.issuer = issuer
        do throws(TokenRequest.Failure) {
            return try request.claims(nowMs: wallClockMs())
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
