import ArgumentParser

/// `pharos token`: makes and inspects the tokens that clients bring.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make and inspect the tokens (JWT) that clients bring.",
        discussion: """
            The key is the server's client.token.hmac_secret_key. It comes from --secret, or else from the \
            configuration: a file, or the environment variable PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY, which, unlike an \
            argument, other users of the machine cannot see.
            """,
        subcommands: [TokenCreateCommand.self, TokenInspectCommand.self])
}
