import ArgumentParser
import Glibc
import Pharos
import PharosAuth
import PharosConfiguration

/// Where the subcommands of `pharos token` find keys.
struct TokenKeyOptions: ParsableArguments {
    @Option(help: "The HMAC secret, instead of that of the configuration.")
    var secret: String?

    @Option(
        name: .shortAndLong, help: "The server's configuration. Without it: the one that PHAROS_CONFIG names, if any.")
    var config: String?

    func validate() throws {
        if secret?.isEmpty == true { throw ValidationError("The secret is empty.") }
    }

    /// The keys and rules of the server, or the secret alone if there is one.
    func tokens() throws -> TokensConfiguration {
        if let secret {
            var only = TokenConfiguration()
            only.hmacSecretKey = secret
            return TokensConfiguration(connection: only)
        }
        // Parsed rather than made: options have no values otherwise.
        let options = try ConfigurationOptions.parse(config.map { ["--config", $0] } ?? [])
        return TokensConfiguration(settingsOf: try options.loadOrExit().configuration)
    }
}

/// The time of day in milliseconds since 1970.
func wallClockMs() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
}
