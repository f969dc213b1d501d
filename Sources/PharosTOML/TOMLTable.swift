/// A table that is still being read.
///
/// Later headers and dotted keys may add to it, so it is shared.
final class TOMLTable {
    private enum Child {
        case value(TOMLNode)
        case table(TOMLTable)
        case list([TOMLTable])
    }

    private let line: Int
    /// Whether a header has named it; a second one would be a slip.
    private var isOpened = false
    private var order: [String] = []
    private var children: [String: (line: Int, child: Child)] = [:]

    init(line: Int) { self.line = line }

    var node: TOMLNode {
        TOMLNode(
            .table(
                order.compactMap { key in
                    guard let (line, child) = children[key] else { return nil }
                    let node =
                        switch child {
                        case .value(let node): node
                        case .table(let table): table.node
                        case .list(let tables): TOMLNode(.list(tables.map(\.node)), line: line)
                        }
                    return TOMLNode.Entry(key: key, line: line, node: node)
                }), line: line)
    }

    func set(_ key: String, _ node: TOMLNode, _ line: Int) throws(TOMLError) {
        guard children[key] == nil else { throw TOMLTable.twice(key, line) }
        add(key, .value(node), line)
    }

    /// The table below a key on the way to another; of a list the last one.
    func section(_ key: String, _ line: Int) throws(TOMLError) -> TOMLTable {
        switch children[key]?.child {
        case .table(let table): return table
        case .list(let tables): return tables[tables.count - 1]
        case .value: throw TOMLError(message: "`\(key.prefix(80))` has a value already and is no table", line: line)
        case nil:
            let table = TOMLTable(line: line)
            add(key, .table(table), line)
            return table
        }
    }

    /// The table that a header names.
    func openSection(_ key: String, _ line: Int) throws(TOMLError) -> TOMLTable {
        if case .list = children[key]?.child { throw TOMLTable.twice(key, line) }
        let table = try section(key, line)
        guard !table.isOpened else { throw TOMLTable.twice(key, line) }
        table.isOpened = true
        return table
    }

    /// A new table at the end of a list of tables.
    func appendSection(_ key: String, _ line: Int) throws(TOMLError) -> TOMLTable {
        let table = TOMLTable(line: line)
        table.isOpened = true
        switch children[key] {
        case (let first, .list(var tables))?:
            // Taken out first, so that the list is not copied for each of its tables.
            children[key] = nil
            tables.append(table)
            children[key] = (first, .list(tables))
        case nil: add(key, .list([table]), line)
        default: throw TOMLTable.twice(key, line)
        }
        return table
    }

    private func add(_ key: String, _ child: Child, _ line: Int) {
        order.append(key)
        children[key] = (line, child)
    }

    private static func twice(_ key: String, _ line: Int) -> TOMLError {
        TOMLError(message: "the same key twice: `\(key.prefix(80))`", line: line)
    }
}
