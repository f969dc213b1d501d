import ArgumentParser
import Glibc
import PharosDomain

/// `pharos health`: asks a running server whether it is ready.
///
/// For container runtimes, whose images have no other program to ask with.
struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Ask a running server whether it is ready.",
        discussion: """
            Prints the server's answer. Ends with status 1 if it is not ready, or does not answer: health.enabled must be true.
            """)

    /// Time for the answer, in milliseconds.
    private static let patienceMs: Int64 = 3_000

    @Flag(help: "Whether it answers at all, ready or not.")
    var live = false

    @Option(help: "The server. Default: this machine, at the port of PHAROS_HTTP_SERVER_PORT or 8000.")
    var url: String?

    func run() throws {
        do throws(WireClientError) {
            let port = getenv("PHAROS_HTTP_SERVER_PORT").map { String(cString: $0) }
            let address = try HealthCommand.address(url, port: port, live: live)
            let answer = try WireClientRequest.get(address, timeoutMs: Self.patienceMs)
            let text = String(decoding: answer.body, as: UTF8.self)
            guard answer.status == 200 else { throw WireClientError("status \(answer.status): \(text)") }
            print(text)
        } catch {
            StandardError.print("pharos health: \(error)")
            throw ExitCode(1)
        }
    }

    /// The address to ask, where nothing else is said on this machine.
    static func address(_ url: String?, port: String?, live: Bool) throws(WireClientError) -> WireClientAddress {
        let port = port.flatMap { $0.isEmpty ? nil : $0 } ?? "8000"
        return try WireClientAddress(
            url ?? "http://127.0.0.1:\(port)", defaultPath: live ? "/health/live" : "/health/ready")
    }
}
