/// Translates configurations of Centrifugo, of its versions 5 and 6.
package enum CentrifugoImport {
    package struct Outcome: Sendable {
        /// The file to write; it holds the secrets of the source.
        package var yaml: String
        package var report: ImportReport
    }

    /// Reads a file, or the environment, or both, where the environment wins.
    ///
    /// - Parameters:
    ///   - file: path of a YAML, JSON or TOML file.
    ///   - environment: variables; those that begin with `CENTRIFUGO_` count.
    /// - Throws: what keeps the source from being read.
    package static func run(
        file: String?, environment: [String: String] = [:]
    ) throws(ConfigurationError) -> Outcome {
        var entries: [SettingNode.Entry] = []
        if let file { entries = try DocumentFile.read(file) }
        var source = ImportSource(entries)
        let variables = ImportEnvironment(environment, to: &source)
        var session = ImportSession(source, .file)
        session.run()
        for name in variables.unknown {
            session.report.add(.unknown, name, "neither Centrifugo nor Pharos is known to have this variable")
        }
        let yaml = header + YAMLText.of(session.result.entries)
        session.report.problems = problems(of: yaml)
        return Outcome(yaml: yaml, report: session.report)
    }

    /// The problems that `config check` would report about a text.
    private static func problems(of yaml: String) -> [ConfigurationProblem] {
        var draft = ConfigurationDraft()
        var journal = ReadingJournal()
        do throws(DocumentError) {
            let document = try SettingNode.parse(yaml) { .file("", line: $0) }
            if case .mapping(let entries) = document.content {
                ConfigurationSchema.table.read(entries, into: &draft, &journal)
            }
        } catch {
            journal.refuse("", .standard, "the written file cannot be read: \(error.message)")
        }
        ConfigurationRules.check(draft, development: false, &journal)
        return journal.problems
    }

    private static let header = """
        # Written by `pharos config import` from a configuration of Centrifugo. It may hold secrets.
        # Check it with `pharos config check`; `pharos config default` shows all keys.


        """
}
