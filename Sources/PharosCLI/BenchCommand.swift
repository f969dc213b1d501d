import ArgumentParser
import CPharosSys
import Glibc
import PharosProtocol

/// `pharos bench`: puts load on a server and says what it found.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Put load on a server and measure it.",
        discussion: """
            Subscribers connect, publishers publish through the server API, and every message is counted at every
            subscriber: lost, twice, out of order, how late. One process uses one core; start several for more.
            Examples:
              pharos bench -n 1000 --count 1000                       one publish at a time to 1,000 subscribers
              pharos bench -n 10000 --channels 1000 --rate 2000       ten subscribers each, 2,000 messages a second
              pharos bench -n 10000 --count 0 --pid "$(pidof pharos)" memory of idle connections
            Status 1: something was lost, repeated, out of order or refused.
            """)

    @Option(help: "The server.")
    var url = "http://127.0.0.1:8000"

    @Option(help: "Subscribers connect to this port of the same host, with TLS.")
    var tlsPort: UInt16?

    @Option(help: "With --tls-port: certificates that are trusted, a PEM file; otherwise the system's.")
    var ca = ""

    @Option(help: "Publishers connect to this port of the same host: another node of a cluster, for example.")
    var publishPort: UInt16?

    @Option(name: [.customShort("n"), .long], help: "Subscribers.")
    var connections = 1000

    @Option(help: "Channels; subscribers are spread over them.")
    var channels = 1

    @Option(help: "Channels of one subscriber.")
    var perConnection = 1

    @Option(help: "Publishing connections; each has channels of its own.")
    var publishers = 1

    @Option(help: "Messages per second, whatever the receivers do.")
    var rate: Double?

    @Option(help: "Without --rate: so many messages may be under way until everybody has them.")
    var closed: Int?

    @Option(help: "Seconds to publish (10).")
    var duration: Double?

    @Option(help: "Messages to publish, instead of a duration; 0: only connect.")
    var count: Int?

    @Option(help: "Bytes of a message, at least \(BenchMarker.size).")
    var size = 64

    @Option(help: "So many subscribers stop reading; the others are counted.")
    var stalled = 0

    @Option(help: "How often to connect everybody before publishing.")
    var cycles = 1

    @Flag(help: "Subscribers speak protobuf.")
    var protobuf = false

    @Option(help: "A connection token for the subscribers.")
    var token = ""

    @Option(name: .customLong("api-key"), help: "The API key; also from PHAROS_HTTP_API_KEY.")
    var apiKey: String?

    @Option(help: "The server's process: its memory and processor time are reported, children included.")
    var pid: Int32?

    @Option(help: "What is measured: \(BenchPeer.allCases.map(\.rawValue).joined(separator: ", ")).")
    var peer = BenchPeer.pharos.rawValue

    @Flag(help: "The result as one line of JSON.")
    var json = false

    func validate() throws {
        for (name, value, least, most) in [
            ("--connections", connections, 1, 1_000_000), ("--channels", channels, 1, 1_000_000),
            ("--per-connection", perConnection, 1, 1000), ("--publishers", publishers, 1, 256),
            ("--closed", closed ?? 1, 1, 100_000), ("--count", count ?? 1, 0, 1_000_000_000),
            ("--size", size, BenchMarker.size, 1 << 20), ("--stalled", stalled, 0, 1_000_000),
            ("--cycles", cycles, 1, 1000),
        ] where !(least...most).contains(value) {
            throw ValidationError("\(name) must be from \(least) to \(most)")
        }
        if rate != nil && closed != nil { throw ValidationError("--rate and --closed exclude each other") }
        if count != nil && duration != nil { throw ValidationError("--count and --duration exclude each other") }
        guard rate.map({ $0 > 0 && $0 <= 1e7 }) ?? true else { throw ValidationError("--rate must be above 0") }
        guard duration.map({ $0 > 0 && $0 <= 86_400 }) ?? true else {
            throw ValidationError("--duration must be above 0 and at most a day")
        }
        guard BenchPeer(rawValue: peer) != nil else { throw ValidationError("unknown peer \(peer)") }
    }

    func run() throws {
        do throws(WireClientError) {
            let plan = try plan()
            let openFiles = Int(pharos_raise_open_files())
            if let problem = plan.problem(openFiles: openFiles) { throw WireClientError(problem) }
            let progress = BenchProgress()
            var load = try BenchLoad(plan: plan) { progress.show($0.result, ready: $0.readyCount) }
            let result = try load.run()
            progress.clear()
            print(json ? BenchReport.json(result) : BenchReport.text(result))
            if !result.isClean { throw .silent }
        } catch {
            if !error.description.isEmpty { StandardError.print("pharos bench: \(error)") }
            throw ExitCode(1)
        }
    }

    private func plan() throws(WireClientError) -> BenchPlan {
        let address = try WireClientAddress(url, defaultPath: "/")
        var plan = BenchPlan()
        plan.host = address.host
        plan.port = address.port
        plan.peer = BenchPeer(rawValue: peer) ?? .pharos
        plan.format = protobuf ? .protobuf : .json
        plan.tlsPort = tlsPort
        plan.publishPort = publishPort
        plan.authoritiesFile = ca
        plan.token = token
        plan.apiKey =
            apiKey ?? getenv("PHAROS_HTTP_API_KEY").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        plan.connections = connections
        plan.stalled = stalled
        plan.channels = channels
        plan.channelsPerConnection = perConnection
        plan.publishers = publishers
        plan.pace = rate.map { .rate($0) } ?? .closed(closed ?? 1)
        plan.count = count
        plan.durationSeconds = duration ?? 10
        plan.size = size
        plan.cycles = cycles
        plan.processID = pid
        return plan
    }
}

extension WireClientError {
    /// An error whose message has been printed already.
    fileprivate static let silent = WireClientError("")
}
