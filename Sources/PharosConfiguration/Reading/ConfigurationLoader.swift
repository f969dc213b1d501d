import PharosDomain

/// Reads the sources in their order: defaults, file, environment, flags.
package enum ConfigurationLoader {
    /// Loads a configuration, or reports everything that is wrong with it at once.
    ///
    /// - Parameters:
    ///   - file: path of a YAML, JSON or TOML file; nil: the one that `PHAROS_CONFIG` names, if any.
    ///   - environment: all variables; those that begin with `PHAROS_` count, and before them Centrifugo's.
    ///   - overrides: dotted keys and texts, from flags; later ones win.
    ///   - development: whether the defaults are those of `--dev`.
    package static func load(
        file: String? = nil, environment: [String: String] = [:], overrides: [(String, String)] = [],
        development: Bool = false
    ) throws(ConfigurationError) -> LoadedConfiguration {
        var draft = ConfigurationDraft()
        var journal = ReadingJournal()
        if development { DevelopmentDefaults.apply(to: &draft, &journal) }
        let named = environment[ConfigurationSchema.fileVariable].flatMap { $0.isEmpty ? nil : $0 }
        let isComplete = readDocument(file ?? named, environment, &draft, &journal)
        let links = ServiceLinks(environment)
        journal.note(links.lines)
        readEnvironment(environment.filter { !links.variables.contains($0.key) }, &draft, &journal)
        readOverrides(overrides, &draft, &journal)
        readOriginSecrets(environment, &draft, &journal)
        // Rules over a file that was not read would complain about its absence in many ways.
        if isComplete { ConfigurationRules.check(draft, development: development, &journal) }
        guard journal.problems.isEmpty else {
            throw ConfigurationError(
                problems: journal.problems, notices: journal.notices, log: draft.configuration.log)
        }
        return LoadedConfiguration(
            draft: draft, origins: journal.origins, passedOver: journal.notices, development: development)
    }

    /// Reads the file, if there is one, and the variables of Centrifugo.
    ///
    /// - Returns: whether the file could be read.
    private static func readDocument(
        _ path: String?, _ environment: [String: String], _ draft: inout ConfigurationDraft,
        _ journal: inout ReadingJournal
    ) -> Bool {
        var entries: [SettingNode.Entry] = []
        do throws(ConfigurationError) {
            if let path { entries = try DocumentFile.read(path) }
        } catch {
            for problem in error.problems { journal.refuse(problem.key, problem.origin, problem.message) }
            return false
        }
        entries = CentrifugoStart.adopt(entries, environment, &journal)
        ConfigurationSchema.table.read(entries, into: &draft, &journal)
        return true
    }

    private static func readEnvironment(
        _ environment: [String: String], _ draft: inout ConfigurationDraft, _ journal: inout ReadingJournal
    ) {
        var names = Set(environment.keys.filter { $0.hasPrefix(ConfigurationSchema.variablePrefix) })
        for setting in ConfigurationSchema.table.settings {
            let name = ConfigurationSchema.variable(for: setting.name)
            guard names.remove(name) != nil, let text = environment[name] else { continue }
            let node = SettingNode(content: .text(text), origin: .environment(name))
            setting.read(node, setting.name, &draft, &journal)
        }
        for name in names.sorted() where !ForeignVariables.names.contains(name) && !isOriginSecret(name) {
            let known = ConfigurationSchema.keys.map { ConfigurationSchema.variable(for: $0.name) }
            let meant = Suggestion.closest(to: name, among: known)
            let hint = meant.map { ": did you mean `\($0)`?" } ?? ""
            journal.refuse(name, .environment(name), "unknown variable `\(name)`\(hint)")
        }
    }

    private static func isOriginSecret(_ variable: String) -> Bool {
        variable.hasPrefix(ConfigurationSchema.secretVariablePrefix)
            && variable.hasSuffix(ConfigurationSchema.secretVariableSuffix)
    }

    /// Gives each origin the secret that its own variable holds.
    ///
    /// Comes last, since flags may list the origins anew.
    private static func readOriginSecrets(
        _ environment: [String: String], _ draft: inout ConfigurationDraft, _ journal: inout ReadingJournal
    ) {
        let origins = draft.configuration.settings.hooks.origins
        var names = Set(environment.keys.filter(isOriginSecret))
        for (index, origin) in origins.enumerated() {
            let variable = ConfigurationSchema.secretVariable(forOrigin: origin.name)
            guard let secret = environment[variable] else { continue }
            names.remove(variable)
            draft.configuration.settings.hooks.origins[index].secret = secret
            journal.record("origins[\(index)].secret", .environment(variable))
        }
        for name in names.sorted() {
            let known = origins.map { ConfigurationSchema.secretVariable(forOrigin: $0.name) }
            let hint = Suggestion.closest(to: name, among: known).map { ": did you mean `\($0)`?" } ?? ""
            journal.refuse(name, .environment(name), "no entry of `origins` belongs to the variable `\(name)`\(hint)")
        }
    }

    private static func readOverrides(
        _ overrides: [(String, String)], _ draft: inout ConfigurationDraft, _ journal: inout ReadingJournal
    ) {
        for (key, text) in overrides {
            guard let setting = ConfigurationSchema.table[key] else {
                journal.refuse(key, .flag, ConfigurationSchema.table.unknown(key))
                continue
            }
            setting.read(SettingNode(content: .text(text), origin: .flag), key, &draft, &journal)
        }
    }
}

/// Variables that begin like ours and are not settings.
enum ForeignVariables {
    static let names: Set<String> = [
        ConfigurationSchema.fileVariable,
        // Of the build and of the tests.
        "PHAROS_CORE", "PHAROS_REQUIRE_ALL", "PHAROS_BIN", "PHAROS_URL", "PHAROS_URLS", "PHAROS_KILL_CMD",
        "PHAROS_RESTART_CMD", "PHAROS_NATS_SERVER", "PHAROS_REDIS_SERVER",
    ]
}
