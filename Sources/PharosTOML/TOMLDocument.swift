/// Reads TOML 1.0 documents: https://toml.io/en/v1.0.0.
///
/// It is lenient in one thing: dotted keys may extend a table that has a header of its own.
package struct TOMLDocument {
    /// The most values in one document.
    package static let valueLimit = 50_000
    /// How deeply lists and inline tables may stand inside one another.
    package static let depthLimit = 100

    /// The document's table.
    ///
    /// - Throws: the first fault with its line.
    package static func parse(_ text: String) throws(TOMLError) -> TOMLNode {
        var document = TOMLDocument(scanner: TOMLScanner(Array(text.utf8)))
        try document.read()
        return document.root.node
    }

    private var scanner: TOMLScanner
    private let root = TOMLTable(line: 1)

    private init(scanner: TOMLScanner) { self.scanner = scanner }

    private mutating func read() throws(TOMLError) {
        var current = root
        while true {
            try scanner.skipBlankLines()
            guard let byte = scanner.peek else { return }
            if byte == UInt8(ascii: "[") {
                current = try readHeader()
            } else {
                try readPair(into: current)
            }
            try scanner.endLine()
        }
    }

    /// `[a.b]` or `[[a.b]]`.
    private mutating func readHeader() throws(TOMLError) -> TOMLTable {
        let line = scanner.line
        scanner.advance()
        let isList = scanner.take(UInt8(ascii: "["))
        let path = try scanner.readKey()
        try scanner.count(path.count)
        let closed = scanner.take(UInt8(ascii: "]"))
        guard closed, !isList || scanner.take(UInt8(ascii: "]")) else {
            throw TOMLError(message: "a header that is not closed", line: line)
        }
        var table = root
        for name in path.dropLast() { table = try table.section(name, line) }
        let last = path[path.count - 1]
        return isList ? try table.appendSection(last, line) : try table.openSection(last, line)
    }

    private mutating func readPair(into table: TOMLTable) throws(TOMLError) {
        let line = scanner.line
        let path = try scanner.readKey()
        try scanner.count(path.count - 1)
        try scanner.expectEquals()
        let node = try scanner.readValue(depth: 0)
        var table = table
        for name in path.dropLast() { table = try table.section(name, line) }
        try table.set(path[path.count - 1], node, line)
    }
}
