import ArgumentParser
import Glibc
import PharosConfiguration

/// The flags that choose a configuration.
///
/// They are the same for every command that needs one.
struct ConfigurationOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "YAML, JSON or TOML file. Without it: the one that PHAROS_CONFIG names, if any.")
    var config: String?

    @Flag(help: "Development defaults: everything open, on this machine only.")
    var dev = false

    @Option(help: "Address to listen on; the same as --set http_server.address=…")
    var address: String?

    @Option(name: .shortAndLong, help: "Port to listen on; the same as --set http_server.port=…")
    var port: String?

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp("Set a key: --set channel.max_length=100. May be repeated.", valueName: "key=value"))
    var assignments: [String] = []

    func validate() throws {
        for assignment in assignments where assignment.first == "=" || !assignment.contains("=") {
            // The text itself is not repeated: it may hold a secret.
            throw ValidationError("--set needs key=value, such as --set http_server.port=9000")
        }
    }

    /// All flags as dotted keys and texts; `--set` wins over the shorthands.
    var overrides: [(String, String)] {
        let shorthands = [("http_server.address", address), ("http_server.port", port)]
        return shorthands.compactMap { key, text in text.map { (key, $0) } }
            + assignments.map { assignment in
                let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(parts[0]), String(parts[1]))
            }
    }

    func load() throws(ConfigurationError) -> LoadedConfiguration {
        try ConfigurationLoader.load(
            file: config, environment: Self.environment(), overrides: overrides, development: dev)
    }

    /// Loads the configuration, or ends the command with status 1.
    ///
    /// Then each problem is reported to standard error.
    func loadOrExit(
        report: (ConfigurationError) -> Void = ConfigurationOptions.report
    ) throws -> LoadedConfiguration {
        do throws(ConfigurationError) {
            return try load()
        } catch {
            report(error)
            throw ExitCode(1)
        }
    }

    /// Lines for people.
    static func report(_ error: ConfigurationError) {
        for notice in error.notices { StandardError.print("note: \(notice)") }
        let count = error.problems.count
        StandardError.print("The configuration has \(count == 1 ? "a problem" : "\(count) problems"):\n\(error)")
    }

    static func environment() -> [String: String] {
        var result: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return result
    }
}
