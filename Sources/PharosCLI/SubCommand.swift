import ArgumentParser
import Glibc

/// `pharos sub`: prints channels live until it is ended by Ctrl-C.
struct SubCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sub", abstract: "Print channels live.",
        discussion: """
            Example: pharos sub news chat
            Lost connections are made again with growing, jittered pauses, and what was missed is fetched where the
            channel keeps history. Ctrl-C ends it. Status 1: the server said that coming back is of no use.
            """)

    @Argument(help: "The channels.")
    var channels: [String]

    @Option(help: "The server.")
    var url = "ws://127.0.0.1:8000/connection/websocket"

    @Option(help: "A connection token; also from PHAROS_TOKEN.")
    var token: String?

    @Flag(help: "One JSON object per line, for programs.")
    var json = false

    func validate() throws {
        guard !channels.isEmpty else { throw ValidationError("name at least one channel") }
        guard Set(channels).count == channels.count else { throw ValidationError("a channel is named twice") }
    }

    func run() throws {
        do throws(WireClientError) {
            let address = try WireClientAddress(url, defaultPath: "/connection/websocket")
            let token = token ?? getenv("PHAROS_TOKEN").map { String(cString: $0) } ?? ""
            var follower = SubFollower(
                address: address, token: token, channels: channels, printer: SubPrinter(asJSON: json))
            try follower.run()
        } catch {
            StandardError.print("pharos sub: \(error)")
            throw ExitCode(1)
        }
    }
}
