/// The keys of one root, in the order in which they are documented.
struct SettingTable<Root: Sendable>: Sendable {
    let settings: [Setting<Root>]
    private let indices: [String: Int]
    /// Each proper prefix of a key: `http_server` and `http_server.tls`.
    private let groups: Set<String>

    init(_ settings: [Setting<Root>]) {
        self.settings = settings
        indices = Dictionary(uniqueKeysWithValues: settings.enumerated().map { ($1.name, $0) })
        var groups: Set<String> = []
        for setting in settings {
            var rest = Substring(setting.name)
            while let dot = rest.lastIndex(of: ".") {
                rest = rest[..<dot]
                groups.insert(String(rest))
            }
        }
        self.groups = groups
    }

    subscript(name: String) -> Setting<Root>? {
        indices[name].map { settings[$0] }
    }

    func lifted<Outer: Sendable>(
        _ prefix: String, _ path: SettingPath<Outer, Root>
    ) -> [Setting<Outer>] {
        settings.map { $0.lifted(prefix, path) }
    }

    /// The same keys in a larger root, without a section of their own.
    func lifted<Outer: Sendable>(_ path: SettingPath<Outer, Root>) -> [Setting<Outer>] {
        settings.map { setting in
            var lifted = setting.lifted("", path)
            lifted.name = setting.name
            return lifted
        }
    }

    func descriptions(standard root: Root) -> [SettingDescription] {
        settings.map { $0.description(standard: root) }
    }

    /// Reads a section's entries into the root; unknown keys become problems.
    ///
    /// - Parameters:
    ///   - group: the section's path inside this table, "" at its top.
    ///   - prefix: what stands before this table's keys in their full names.
    func read(
        _ entries: [SettingNode.Entry], group: String = "", prefix: String = "",
        into root: inout Root, _ journal: inout ReadingJournal
    ) {
        for entry in entries {
            let name = group.isEmpty ? entry.key : group + "." + entry.key
            let key = prefix + name
            if let setting = self[name] {
                var node = entry.value
                // The line of the key is where an operator looks; a list's own line may be the next one.
                node.origin = entry.origin
                setting.read(node, key, &root, &journal)
            } else if groups.contains(name) {
                switch entry.value.content {
                case .mapping(let inner): read(inner, group: name, prefix: prefix, into: &root, &journal)
                case .nothing: break
                default:
                    let message = "`\(key)`: expected a section with keys of its own, found \(entry.value.kind)"
                    journal.refuse(key, entry.origin, message)
                }
            } else {
                journal.refuse(key, entry.origin, unknown(name, prefix: prefix))
            }
        }
    }

    /// The message for a key that no table has.
    func unknown(_ name: String, prefix: String = "") -> String {
        let names = settings.filter { $0.onlyAccepts == nil }.map(\.name) + groups
        guard let meant = Suggestion.closest(to: name, among: names.sorted()) else {
            return "unknown key `\(prefix)\(name)`"
        }
        return "unknown key `\(prefix)\(name)`: did you mean `\(prefix)\(meant)`?"
    }
}
