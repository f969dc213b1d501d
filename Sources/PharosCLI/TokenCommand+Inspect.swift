import ArgumentParser
import PharosAuth

/// `pharos token inspect`: says what a token holds and whether it counts.
struct TokenInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print what a token says, and whether it is valid if there is a key.",
        discussion: "Leaves with status 1 for a token that is invalid or expired.")

    @Argument(help: "The token, or - to read it from standard input.")
    var token: String

    @OptionGroup var keyOptions: TokenKeyOptions

    func run() throws {
        let configuration = try keyOptions.tokens()
        let nowMs = wallClockMs()
        let text = token == "-" ? readLine() ?? "" : token
        guard let inspection = try TokenInspection(token: text, configuration: configuration, nowMs: nowMs) else {
            throw ValidationError(
                "This is not a JWT: it needs three base64url parts, the first two being JSON objects.")
        }
        print(inspection.report(nowMs: nowMs))
        guard inspection.isAcceptable else { throw ExitCode(1) }
    }
}
