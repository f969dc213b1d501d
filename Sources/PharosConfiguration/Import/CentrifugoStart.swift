/// Lets a server start with a configuration of Centrifugo as it is.
///
/// Keys and variables that mean the same are read under both names; where both are given, ours count. A key that asks for
/// something that is not there is a problem, as any other.
enum CentrifugoStart {
    /// A document in our names.
    ///
    /// One that has no other names stays as it is.
    static func adopt(
        _ entries: [SettingNode.Entry], _ environment: [String: String], _ journal: inout ReadingJournal
    ) -> [SettingNode.Entry] {
        var source = ImportSource(entries)
        let variables = ImportEnvironment(environment, to: &source)
        if !variables.unknown.isEmpty {
            journal.note([
                "passed over \(variables.unknown.joined(separator: ", ")): Centrifugo has no such variables"
            ])
        }
        guard variables.count > 0 || isForeign(source) else { return entries }
        var session = ImportSession(source, .start)
        session.run()
        for (value, nearest) in session.refused { refuse(value, nearest, isFlat: source.isFlat, &journal) }
        refuseStrangers(&session, &journal)
        note(session.report, &journal)
        return session.result.entries
    }

    /// Whether any value has a name or a form of Centrifugo's alone.
    private static func isForeign(_ source: ImportSource) -> Bool {
        source.isFlat
            || source.values().contains { value in
                if value.key == "log.level", ["warn", "none", "fatal", "panic"].contains(value.text) { return true }
                if value.key == "client.ping_interval", value.text?.hasPrefix("-") == true { return true }
                let pattern = value.pattern
                guard !ImportTable.own.contains(pattern) else { return false }
                return ImportTable.rule(pattern) != nil || isStranger(value)
            }
    }

    private static func refuse(
        _ value: ImportedValue, _ nearest: String, isFlat: Bool, _ journal: inout ReadingJournal
    ) {
        // A section is named by the key that turns it on.
        let hasSwitch = value.written == value.key && !isFlat && DocumentTree.has("enabled", in: value.node)
        let name = hasSwitch ? value.written + ".enabled" : value.written
        journal.refuse(
            value.key, value.origin,
            "`\(name)`: not available in this version; nearest: \(nearest); `pharos config import` writes a file "
                + "without it")
    }

    // MARK: Sections of Centrifugo's with unknown keys

    private static let ownSections: Set<String> = Set(
        ConfigurationSchema.keys.map { String($0.name.prefix { $0 != "." }) })

    private static func isStranger(_ value: ImportedValue) -> Bool {
        let section = String(value.key.prefix { $0 != "." && $0 != "[" })
        return ImportTable.sections.contains(section) && !ownSections.contains(section)
    }

    private static func refuseStrangers(_ session: inout ImportSession, _ journal: inout ReadingJournal) {
        let strangers = session.result.entries.filter { entry in
            ImportTable.sections.contains(entry.key) && !ownSections.contains(entry.key)
        }
        for entry in strangers {
            for value in session.source.values() where value.key == entry.key || value.key.hasPrefix(entry.key + ".") {
                guard ImportTable.rule(value.pattern) == nil else { continue }
                journal.refuse(
                    value.key, value.origin,
                    "unknown key `\(value.written)` in a section of Centrifugo: `pharos config import` says what becomes of each key"
                )
            }
        }
        session.result.remove(strangers.map(\.key))
    }

    // MARK: Lines at start

    private static func note(_ report: ImportReport, _ journal: inout ReadingJournal) {
        let moved = report.lines(.translated).count
        if moved > 0 {
            journal.note([
                "keys of Centrifugo read under their own names: \(moved); `pharos config import` writes them as keys of Pharos"
            ])
        }
        let idle = report.lines(.notNeeded).filter { !unsaid.contains($0.detail) }
        for line in idle { journal.note(["\(line.key) is not needed: \(line.detail)"]) }
        journal.note(report.notes)
    }

    /// Reasons for which nothing has to be said.
    private static let unsaid: Set<String> = [
        "it asks for nothing", "it is off", "it is empty", "nothing is asked there",
    ]
}
