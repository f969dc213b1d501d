import PharosDomain

extension Setting {
    /// A list of words, each of a few, as a set of what they stand for.
    static func choices<Value: Hashable & Sendable>(
        _ name: String, _ path: SettingPath<Root, Set<Value>>, _ words: [(String, Value)], _ summary: String
    ) -> Setting {
        plain(
            name, .choices(words.map(\.0)), path, summary,
            parse: { node throws(TypeMismatch) in
                var result: Set<Value> = []
                for text in try node.texts() {
                    guard let word = words.first(where: { $0.0 == text }) else {
                        let names = words.map(\.0).joined(separator: ", ")
                        throw TypeMismatch(message: "expected a list of \(names), found `\(text.prefix(80))`")
                    }
                    result.insert(word.1)
                }
                return result
            },
            show: { value in .list(words.filter { value.contains($0.1) }.map(\.0)) })
    }

    /// A section of names and texts of an operator's own.
    ///
    /// The texts are never printed: one may be a password.
    static func map(_ name: String, _ path: SettingPath<Root, [FieldName: String]>, _ summary: String) -> Setting {
        plain(
            name, .map, path, summary, parse: { node throws(TypeMismatch) in try node.texts(byName: 1000) },
            show: { .map($0.keys.sorted().map(\.text)) })
    }
}
