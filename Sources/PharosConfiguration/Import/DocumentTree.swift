/// A document whose values are reached by their dotted names.
///
/// For example `channel.namespaces[0].presence`.
struct DocumentTree {
    private(set) var entries: [SettingNode.Entry] = []

    init(_ entries: [SettingNode.Entry] = []) { self.entries = entries }

    subscript(path: String) -> SettingNode? {
        var node = SettingNode(content: .mapping(entries), origin: .standard)
        for step in DocumentTree.steps(path) {
            switch (step, node.content) {
            case (.name(let name), .mapping(let entries)):
                guard let entry = entries.first(where: { $0.key == name }) else { return nil }
                node = entry.value
            case (.index(let index), .list(let items)):
                guard items.indices.contains(index) else { return nil }
                node = items[index]
            default: return nil
            }
        }
        return node
    }

    /// Sets a value, with the sections and lists that lead to it.
    ///
    /// - Parameters:
    ///   - origin: where the key of the value stands.
    ///   - replacing: whether it takes the place of one that is there.
    /// - Returns: whether it was set.
    @discardableResult
    mutating func put(
        _ path: String, _ value: SettingNode, from origin: SettingOrigin, replacing: Bool = true
    ) -> Bool {
        if !replacing, self[path] != nil { return false }
        var root = SettingNode(content: .mapping(entries), origin: .standard)
        entries = []
        DocumentTree.put(DocumentTree.steps(path)[...], value, origin, into: &root)
        if case .mapping(let entries) = root.content { self.entries = entries }
        return true
    }

    /// Whether a section has a key.
    static func has(_ key: String, in node: SettingNode) -> Bool {
        guard case .mapping(let entries) = node.content else { return false }
        return entries.contains { $0.key == key }
    }

    /// Takes out keys at the top.
    mutating func remove(_ keys: [String]) { entries.removeAll { keys.contains($0.key) } }

    private enum Step: Equatable {
        case name(String)
        case index(Int)
    }

    private static func put(
        _ steps: ArraySlice<Step>, _ value: SettingNode, _ origin: SettingOrigin, into node: inout SettingNode
    ) {
        guard let step = steps.first else {
            node = value
            return
        }
        switch step {
        case .name(let name):
            var entries: [SettingNode.Entry] = []
            if case .mapping(let own) = node.content { entries = own }
            // Held once, so that nothing is copied.
            node.content = .nothing
            let fresh = SettingNode(content: .nothing, origin: origin)
            let index = entries.firstIndex { $0.key == name } ?? entries.endIndex
            if index == entries.endIndex { entries.append(.init(key: name, origin: origin, value: fresh)) }
            put(steps.dropFirst(), value, origin, into: &entries[index].value)
            if steps.count == 1 { entries[index].origin = origin }
            node.content = .mapping(entries)
        case .index(let index):
            var items: [SettingNode] = []
            if case .list(let own) = node.content { items = own }
            node.content = .nothing
            while items.count <= index { items.append(SettingNode(content: .mapping([]), origin: origin)) }
            put(steps.dropFirst(), value, origin, into: &items[index])
            node.content = .list(items)
        }
    }

    private static func steps(_ path: String) -> [Step] {
        path.split(separator: ".", omittingEmptySubsequences: false).flatMap { part -> [Step] in
            guard let bracket = part.firstIndex(of: "[") else { return [.name(String(part))] }
            let indices = part[bracket...].split { $0 == "[" || $0 == "]" }.compactMap { Int($0) }
            return [.name(String(part[..<bracket]))] + indices.map { .index($0) }
        }
    }

    /// With `[]` for each index, as rules name keys.
    static func pattern(_ path: String) -> String {
        var result = ""
        var isInside = false
        for character in path {
            if character == "]" { isInside = false }
            if !isInside { result.append(character) }
            if character == "[" { isInside = true }
        }
        return result
    }

    /// A pattern with the indices of a path in the place of each `[]`.
    static func filled(_ pattern: String, like path: String) -> String {
        var indices = path.split(separator: "[").dropFirst().compactMap { $0.split(separator: "]").first }[...]
        var result = ""
        for character in pattern {
            if character == "]", let index = indices.popFirst() { result += index }
            result.append(character)
        }
        return result
    }
}
