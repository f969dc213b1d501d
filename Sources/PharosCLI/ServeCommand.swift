import ArgumentParser
import Glibc
import Logging
import Pharos
import PharosConfiguration
import PharosDomain
import ServiceLifecycle
import UnixSignals

/// `pharos serve`: runs the server until a signal stops it.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the server.",
        discussion: """
            Without --dev nothing is open until the configuration opens it, and the server says at start what is closed.
            SIGTERM and SIGINT end it gracefully: every client is told to reconnect. SIGHUP reads the certificate again.
            SIGUSR1, SIGUSR2 and SIGPIPE do nothing.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "With --dev: do not publish this machine's load for the demo page.")
    var noDemoLoad = false

    func run() async throws {
        Signals.ignoreHarmless()
        let loaded = try options.loadOrExit(report: ServeCommand.report)
        let log = loaded.configuration.log
        let server = Node(configuration: loaded.configuration)
        let addresses: Node.Addresses
        do {
            addresses = try await server.start()
        } catch {
            try ServeCommand.fail(error, log)
        }
        let settings = loaded.configuration.settings
        let lines = announcement(loaded, settings, addresses)
        let load = startDemoLoad(loaded, settings, addresses)
        defer { load?.cancel() }
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(service: server), .init(service: CertificateReloads(server: server)),
                .init(service: Announcement(lines: lines, log: log)),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "pharos") { _ in SwiftLogNoOpLogHandler() })
        configuration.maximumGracefulShutdownDuration = .seconds(settings.shutdownDelay + settings.shutdownTimeout + 10)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            try ServeCommand.fail(error, log)
        }
    }

    /// Ends the command, in the log's own form where that is JSON.
    private static func fail(_ error: any Error, _ log: LogSettings) throws -> Never {
        switch log.format {
        case .text: StandardError.print("pharos: \(error)")
        case .json: ServerLog.make(log).critical("\(error)")
        }
        throw ExitCode(1)
    }

    /// Reports the problems of a configuration.
    ///
    /// It writes nothing but JSON where the log was to be JSON.
    private static func report(_ error: ConfigurationError) {
        guard error.log.format == .json else { return ConfigurationOptions.report(error) }
        let logger = ServerLog.make(error.log)
        for notice in error.notices { logger.warning("\(notice)") }
        for problem in error.problems {
            logger.critical("\(problem)", metadata: problem.key.isEmpty ? nil : ["key": "\(problem.key)"])
        }
    }

    private func announcement(
        _ loaded: LoadedConfiguration, _ settings: ServerSettings, _ addresses: Node.Addresses
    ) -> [String] {
        let host = settings.edge.address.contains(":") ? "[\(settings.edge.address)]" : settings.edge.address
        let base = "http://\(host):\(addresses.port)"
        var lines = [
            "pharos \(PharosVersion.current) listening on \(base), shards: \(addresses.shards), "
                + "usable processors: \(addresses.processors), open files: \(addresses.openFiles)"
        ]
        if let port = addresses.tlsPort { lines.append("TLS on https://\(host):\(port)") }
        lines.append("clients connect to ws://\(host):\(addresses.port)/connection/websocket")
        if !loaded.developmentOpenings.isEmpty {
            lines.append("open because of --dev:")
            lines += loaded.developmentOpenings.map { "  - \($0)" }
        }
        lines += loaded.notices.map { "note: \($0)" }
        if loaded.configuration.endpoints.demo {
            lines.append("demo page: \(base)/")
            lines.append("publish:")
            lines.append(
                "  curl -X POST \(base)/api/publish -H 'Content-Type: application/json' "
                    + "-d '{\"channel\":\"chat\",\"data\":{\"from\":\"curl\",\"text\":\"hello\"}}'")
        }
        return lines
    }

    /// Starts the publisher of the demo page's chart.
    ///
    /// It uses the public API like any back end.
    private func startDemoLoad(
        _ loaded: LoadedConfiguration, _ settings: ServerSettings, _ addresses: Node.Addresses
    ) -> Task<Void, Never>? {
        guard options.dev, loaded.configuration.endpoints.demo, !noDemoLoad else { return nil }
        let key = settings.api.keys.first?.key
        return Task {
            await MachineLoadPublisher().run(
                host: settings.edge.address, port: UInt16(addresses.port), apiKey: key)
        }
    }
}

/// Says that the server is there, once signals end it gracefully.
///
/// A program that waits for the first line may send a signal at once.
private struct Announcement: Service {
    let lines: [String]
    let log: LogSettings

    func run() async throws {
        ServerLog.announce(lines, log)
        try? await gracefulShutdown()
    }
}

/// SIGHUP: the certificate has been renewed.
private struct CertificateReloads: Service {
    let server: Node

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        for await _ in signals.cancelOnGracefulShutdown() { server.reloadCertificate() }
    }
}

/// Lines for people, beside what a command prints as its result.
enum StandardError {
    static func print(_ line: String) {
        var text = line + "\n"
        text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
