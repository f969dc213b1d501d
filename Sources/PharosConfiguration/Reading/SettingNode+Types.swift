import PharosDomain

extension SettingNode {
    /// Ten years, in seconds: longer is a slip, and far from any overflow.
    static let longestDuration = 315_360_000.0

    func bool() throws(TypeMismatch) -> Bool {
        switch content {
        case .text("true"), .text("True"), .text("TRUE"): return true
        case .text("false"), .text("False"), .text("FALSE"): return false
        default: throw .expected("true or false", self)
        }
    }

    func integer(in range: ClosedRange<Int>) throws(TypeMismatch) -> Int {
        guard case .text(let text) = content, let value = Int(text) else {
            throw .expected("a whole number", self)
        }
        guard range.contains(value) else {
            let bounds =
                range.upperBound == .max ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
            throw .expected("a whole number, \(bounds)", self)
        }
        return value
    }

    func duration(in range: ClosedRange<Double>, whole: Bool) throws(TypeMismatch) -> Double {
        guard case .text(let text) = content, let seconds = DurationText.seconds(text) else {
            throw .expected("a duration such as 25s, 1m30s or 720h", self)
        }
        guard range.contains(seconds) else {
            let (low, high) = (DurationText.text(range.lowerBound), DurationText.text(range.upperBound))
            throw .expected("a duration from \(low) to \(high)", self)
        }
        guard !whole || seconds == seconds.rounded() else { throw .expected("a duration in whole seconds", self) }
        return seconds
    }

    /// Any scalar, as it is written.
    ///
    /// Its characters never get into a message: it may be a secret.
    func text() throws(TypeMismatch) -> String {
        guard case .text(let text) = content else { throw .expected("text", self, showsText: false) }
        guard text.utf8.count <= Self.textLimit else {
            throw TypeMismatch(message: "longer than \(Self.textLimit) bytes")
        }
        return text
    }

    func choice(of words: [String]) throws(TypeMismatch) -> String {
        if case .text(let text) = content, words.contains(text) { return text }
        // `key:` without a value is how YAML often spells an empty text.
        if case .nothing = content, words.contains("") { return "" }
        let names = words.map { $0.isEmpty ? "\"\"" : $0 }
        throw .expected("one of " + names.joined(separator: ", "), self)
    }

    func texts() throws(TypeMismatch) -> [String] {
        if case .text(let text) = content, origin.isPlainText, text.first != "[" {
            let parts = text.split(separator: ",", omittingEmptySubsequences: true).map(Self.trimmed)
            return parts.filter { !$0.isEmpty }
        }
        var result: [String] = []
        for item in try items("a list of texts") { result.append(try item.text()) }
        return result
    }

    /// The entries of a section whose names are the operator's own.
    ///
    /// In a variable or flag they are JSON.
    func texts(byName limit: Int) throws(TypeMismatch) -> [FieldName: String] {
        let entries: [Entry]
        switch content {
        case .mapping(let own): entries = own
        case .nothing: entries = []
        default: throw .expected("a section of names and texts", self, showsText: false)
        }
        guard entries.count <= limit else {
            throw TypeMismatch(message: "\(entries.count) entries, at most \(limit) are allowed")
        }
        var result: [FieldName: String] = [:]
        for entry in entries { result[FieldName(entry.key)] = try entry.value.text() }
        return result
    }

    /// The items of a list; the text of a variable or flag is read as JSON first.
    func items(_ wanted: String) throws(TypeMismatch) -> [SettingNode] {
        switch content {
        case .list(let items):
            guard items.count <= Self.listLimit else {
                throw TypeMismatch(message: "\(items.count) items, at most \(Self.listLimit) are allowed")
            }
            return items
        case .text(let text) where origin.isPlainText:
            let parsed: SettingNode
            do throws(DocumentError) {
                parsed = try SettingNode.parse(text) { _ in origin }
            } catch {
                throw TypeMismatch(message: "expected \(wanted) as JSON, but this is \(error.message)")
            }
            guard case .list = parsed.content else { throw .expected(wanted + " as JSON", parsed, showsText: false) }
            return try parsed.items(wanted)
        default:
            throw .expected(wanted, self, showsText: false)
        }
    }

    /// Items of one list of texts.
    private static let listLimit = 10_000
    /// Bytes of one text; a PEM key needs a few thousand.
    private static let textLimit = 65_536

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
