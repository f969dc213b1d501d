import ArgumentParser
import Glibc
import PharosConfiguration

extension ConfigCommand {
    /// `pharos config import`: translates a configuration of Centrifugo.
    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a configuration of Centrifugo, version 5 or 6, as one of Pharos.",
            discussion: """
                Writes a YAML file, and a report of each key: kept, translated, not needed, not there yet with the nearest
                thing, unknown. Secrets are carried into the file and never printed in the report.

                Status: 0 everything is there; 1 nothing was written; 2 written, but some keys are not there yet or
                unknown; 3 written, but the file has to be corrected before a server starts with it.
                """)

        @Argument(help: "YAML, JSON or TOML file.")
        var file: String?

        @Option(
            name: .shortAndLong,
            help: "File to write, which must not exist. Without it the result is printed, and the report beside it.")
        var output: String?

        @Flag(help: "Take the variables that begin with CENTRIFUGO_, too; they win over the file.")
        var fromEnv = false

        func validate() throws {
            if file == nil, !fromEnv { throw ValidationError("Name a file, or say --from-env.") }
        }

        func run() throws {
            let outcome: CentrifugoImport.Outcome
            do throws(ConfigurationError) {
                outcome = try CentrifugoImport.run(
                    file: file, environment: fromEnv ? ConfigurationOptions.environment() : [:])
            } catch {
                StandardError.print("pharos: \(error)")
                throw ExitCode(1)
            }
            let report = outcome.report.text
            if let output {
                try write(outcome.yaml, to: output)
                print(report)
                print("written: \(output); next: pharos config check --config \(output)")
            } else {
                print(outcome.yaml, terminator: "")
                StandardError.print(report)
            }
            if outcome.report.status != 0 { throw ExitCode(outcome.report.status) }
        }

        /// Writes a new file that its owner alone may read: it may hold secrets.
        private func write(_ text: String, to path: String) throws {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { try fail(path) }
            defer { close(descriptor) }
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { try fail(path) }
                rest = rest.dropFirst(count)
            }
        }

        private func fail(_ path: String) throws -> Never {
            StandardError.print("pharos: cannot write \(path): \(String(cString: strerror(errno)))")
            throw ExitCode(1)
        }
    }
}
