import Yams

/// Why a text is not a configuration; `line` is 0 where the parser names none.
struct DocumentError: Error {
    var message: String
    var line: Int
}

extension SettingNode {
    /// The most values in one document.
    ///
    /// Aliases of aliases would otherwise grow without bound.
    static let nodeLimit = 50_000

    /// Reads one YAML or JSON document.
    ///
    /// `origin` gives each value's position from its line.
    static func parse(_ text: String, origin: (Int) -> SettingOrigin) throws(DocumentError) -> SettingNode {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw DocumentError(error)
        } catch {
            throw DocumentError(message: "not valid YAML", line: 0)
        }
        guard let root else { return SettingNode(content: .nothing, origin: origin(0)) }
        var budget = nodeLimit
        return try convert(root, origin, &budget)
    }

    private static func convert(
        _ node: Node, _ origin: (Int) -> SettingOrigin, _ budget: inout Int
    ) throws(DocumentError) -> SettingNode {
        let line = node.mark?.line ?? 0
        budget -= 1
        if budget < 0 { throw DocumentError(message: "more than \(nodeLimit) values", line: line) }
        let content: Content
        switch node {
        case .scalar(let scalar):
            content = scalar.style == .plain && isNull(scalar.string) ? .nothing : .text(scalar.string)
        case .sequence(let sequence):
            var items: [SettingNode] = []
            for item in sequence { items.append(try convert(item, origin, &budget)) }
            content = .list(items)
        case .mapping(let mapping):
            content = .mapping(try entries(of: mapping, origin, &budget))
        case .alias:
            throw DocumentError(message: "an alias without its anchor", line: line)
        }
        return SettingNode(content: content, origin: origin(line))
    }

    private static func entries(
        of mapping: Node.Mapping, _ origin: (Int) -> SettingOrigin, _ budget: inout Int
    ) throws(DocumentError) -> [Entry] {
        var own: [Entry] = []
        var merged: [Entry] = []
        for (key, value) in mapping {
            let line = key.mark?.line ?? 0
            guard case .scalar(let scalar) = key else {
                throw DocumentError(message: "a key must be plain text", line: line)
            }
            let node = try convert(value, origin, &budget)
            if scalar.string == "<<", case .mapping(let entries) = node.content {
                merged += entries
            } else {
                own.append(Entry(key: scalar.string, origin: origin(line), value: node))
            }
        }
        // A key of the mapping itself wins over one that comes with a merge.
        return merged.filter { entry in !own.contains { $0.key == entry.key } } + own
    }

    private static func isNull(_ text: String) -> Bool {
        text.isEmpty || text == "~" || text == "null" || text == "Null" || text == "NULL"
    }
}

extension DocumentError {
    /// Takes the parser's problem and line.
    ///
    /// Its excerpt is left out, since it could show a secret.
    fileprivate init(_ error: YamlError) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            self.init(message: "not valid YAML: \(problem)", line: mark.line)
        case .reader(let problem, _, _, _):
            self.init(message: "not valid YAML: \(problem)", line: 0)
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.map { "`\($0)`" }.joined(separator: ", ")
            self.init(message: "the same key twice in one section: \(names)", line: context.mark.line)
        default:
            self.init(message: "not valid YAML", line: 0)
        }
    }
}
