import Foundation
import Hummingbird
import Logging
import Pharos
import ServiceLifecycle

/// Runs one snippet of the documentation until SIGTERM.
///
/// `Snippets NAME first|last`: the server's position in its group.
///
/// Prints `ready` once everything is under way. The ports are `PORT` for Hummingbird, `PHAROS_PORT` for Pharos.
@main
enum Program {
    static func main() async throws {
        let (name, place) = (CommandLine.arguments[1], CommandLine.arguments[2])
        switch name {
        // Whole programs.
        case "run": try await run()
        case "group": try await group(server: PharosServer(configuration: .init(port: 8_000)), logger: logger)
        case "ids":
            print(try ids())
            try await play(PharosServer(configuration: .init(port: 8_000)), [], place)
        case "fileConfiguration": try await play(PharosServer(configuration: try fileConfiguration()), [], place)
        case "hooks":
            let server = hooks(users: NoUsers(), configuration: .init(port: 8_000))
            try await play(server, [], place)
        default:
            var configuration = namespaces()
            configuration.port = port("PHAROS_PORT")
            if name == "recovery" { configuration.channels.history = .init(size: 10, lifetime: .seconds(600)) }
            let server = PharosServer(configuration: configuration, logger: logger)
            try await play(server, [work(name, server)], place, hears: name == "subscription" || name == "recovery")
        }
    }

    static let logger = Logger(label: "snippets")

    static func port(_ name: String) -> Int { ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? 0 }

    /// The snippet as a service.
    private static func work(_ name: String, _ server: PharosServer) -> any Service {
        switch name {
        case "subscription": return Work { try await subscription(server: server) }
        case "recovery":
            return Work {
                guard let last = try await server.publish("1", to: "news") else { fatalError("no history") }
                try await server.publish("2", to: "news")
                try await recovery(server: server, last: last)
            }
        case "calls":
            return Work {
                try await calls(server: server)
                say("called")
                try? await gracefulShutdown()
            }
        case "streamer":
            return Work {
                let router = Router()
                say("client \(try await streamer(server: server, router: router))")
                try await pages(router).run()
            }
        case "streamerBehindLogin":
            return Work {
                let router = Router()
                streamerBehindLogin(streamer: EventStreamer(server: server), router: router)
                try await pages(router).run()
            }
        default: fatalError("there is no snippet \(name)")
        }
    }

    /// A line that the test waits for.
    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    private static func pages(_ router: Router<BasicRequestContext>) -> some Service {
        Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port("PORT"))), logger: logger)
    }

    /// - Parameter hears: it is ready only with a subscriber of `news`.
    private static func play(
        _ server: PharosServer, _ services: [any Service], _ place: String, hears: Bool = false
    ) async throws {
        let all = place == "first" ? [server] + services : services + [server]
        let ready = Work {
            _ = try await server.address
            while hears, try await server.subscriberCount(of: "news") < 1 {
                try await Task.sleep(for: .milliseconds(10))
            }
            say("ready")
            try? await gracefulShutdown()
        }
        try await ServiceGroup(
            services: all + [ready], gracefulShutdownSignals: [.sigterm], logger: logger
        ).run()
    }
}

struct Work: Service {
    let body: @Sendable () async throws -> Void

    init(_ body: @escaping @Sendable () async throws -> Void) { self.body = body }

    func run() async throws { try await body() }
}

struct NoUsers: Users {
    func find(session: String?) async throws -> User? { nil }
    func isMember(_ user: String, of channel: String) async throws -> Bool { false }
    func wentOffline(_ user: String) async {}
}

extension PharosServer.Configuration {
    /// Written as in the documentation, and listening where the test wants it.
    init(port: Int) {
        self.init()
        self.port = Program.port("PHAROS_PORT")
    }
}
