/// A Centrifugo document in the names of version 6, and how each value was written.
struct ImportSource {
    var tree = DocumentTree()
    /// The names in the file or the environment, by those of version 6.
    ///
    /// Absent: the same.
    private(set) var written: [String: String] = [:]
    /// Whether names of version 5 were found.
    private(set) var isFlat = false

    init(_ entries: [SettingNode.Entry]) {
        for entry in entries {
            guard let target = FlatNames.targets[entry.key] else {
                add(entry, at: entry.key, as: entry.key)
                continue
            }
            // Version 6 has sections by some of these names; `proxies` and `consumers` are lists in both.
            if case .mapping(let inner) = entry.value.content {
                let section = ImportTable.sections.contains(entry.key) ? entry.key : ImportSource.section(target)
                for item in inner { add(item, at: "\(section).\(item.key)", as: "\(entry.key).\(item.key)") }
                if section != entry.key { isFlat = true }
                continue
            }
            isFlat = isFlat || target != entry.key
            add(entry, at: target, as: entry.key)
        }
    }

    /// Sets a value that stands in the environment.
    mutating func set(_ key: String, _ node: SettingNode, as variable: String, isFlat: Bool) {
        tree.put(key, node, from: node.origin)
        written[key] = variable
        self.isFlat = self.isFlat || isFlat
    }

    /// Sets a list of sections that stands in the environment.
    ///
    /// - Parameter flat: its name in version 5, whose items have names of their own.
    mutating func setList(_ flat: String, _ node: SettingNode, at key: String, as variable: String) {
        add(SettingNode.Entry(key: flat, origin: node.origin, value: node), at: key, as: variable)
        written[key] = variable
    }

    /// All values, in the order of the document.
    func values() -> [ImportedValue] {
        var found: [ImportedValue] = []
        for entry in tree.entries { collect(entry.value, entry.key, entry.origin, &found) }
        return found
    }

    // MARK: Reading

    private static func section(_ target: String) -> String {
        target.hasSuffix(".enabled") ? String(target.dropLast(8)) : target
    }

    private mutating func add(_ entry: SettingNode.Entry, at key: String, as name: String) {
        guard case .list(let items) = entry.value.content else {
            tree.put(key, entry.value, from: entry.origin)
            if name != key { written[key] = name }
            return
        }
        let renames = FlatNames.renames(in: entry.key)
        guard !renames.isEmpty, !items.isEmpty else {
            tree.put(key, entry.value, from: entry.origin)
            if name != key { written[key] = name }
            return
        }
        tree.put(key, SettingNode(content: .list([]), origin: entry.value.origin), from: entry.origin)
        for (index, item) in items.enumerated() {
            let path = "\(key)[\(index)]"
            guard case .mapping(let fields) = item.content else {
                tree.put(path, item, from: item.origin)
                continue
            }
            tree.put(path, SettingNode(content: .mapping([]), origin: item.origin), from: item.origin)
            for field in fields {
                let fieldName = renames[field.key] ?? field.key
                if renames[field.key] != nil { isFlat = true }
                tree.put("\(path).\(fieldName)", field.value, from: field.origin)
                if name != key || fieldName != field.key {
                    written["\(path).\(fieldName)"] = "\(name)[\(index)].\(field.key)"
                }
            }
        }
    }

    // MARK: Collecting

    private func collect(
        _ node: SettingNode, _ key: String, _ origin: SettingOrigin, _ found: inout [ImportedValue]
    ) {
        let pattern = DocumentTree.pattern(key)
        let isWhole = ImportTable.byKey[pattern]?.isWhole == true
        switch node.content {
        case .mapping(let entries) where !isWhole && !ImportSource.isMap(pattern):
            for entry in entries { collect(entry.value, "\(key).\(entry.key)", entry.origin, &found) }
        case .list(let items) where !isWhole && ImportSource.lists.contains(pattern) && !items.isEmpty:
            for (index, item) in items.enumerated() { collect(item, "\(key)[\(index)]", item.origin, &found) }
        default:
            found.append(ImportedValue(key: key, written: name(of: key, node), node: node, origin: origin))
        }
    }

    /// A name of version 6, or all that stand in its place.
    private func name(of key: String, _ node: SettingNode) -> String {
        if let name = written[key] { return name }
        guard case .mapping = node.content else { return key }
        let below = written.filter { $0.key.hasPrefix(key + ".") }.values.sorted()
        return below.isEmpty ? key : below.joined(separator: ", ")
    }

    /// Sections whose names are the operator's own.
    private static func isMap(_ pattern: String) -> Bool { pattern == "origins[].static_headers" }

    /// Lists of sections, ours and Centrifugo's.
    private static let lists: Set<String> = Set(
        (Array(ImportTable.own) + ImportTable.rules.map(\.key)).compactMap { key in
            key.firstRange(of: "[]").map { String(key[..<$0.lowerBound]) }
        })
}
