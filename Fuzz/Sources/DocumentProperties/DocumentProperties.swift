import PharosTOML

/// The properties of the readers of configuration files for any input.
///
/// Each function says which property is violated, or nil.
package enum DocumentProperties {
    /// A TOML document is read alike with a comment at its end.
    ///
    /// A fault is on one of its lines.
    package static func toml(_ input: UnsafeRawBufferPointer) -> String? {
        let text = String(decoding: input, as: UTF8.self)
        let lines = text.utf8.reduce(1) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
        do throws(TOMLError) {
            let document = try TOMLDocument.parse(text)
            guard values(document) <= 2 * TOMLDocument.valueLimit else { return "more values than the limit" }
            guard keysAreUnique(document) else { return "a table has a key twice" }
            return try TOMLDocument.parse(text + "\n# end\n") == document
                ? nil : "a comment at the end changes the document"
        } catch {
            return (1...lines + 1).contains(error.line) ? nil : "a fault on a line that is not there"
        }
    }

    private static func values(_ node: TOMLNode) -> Int {
        switch node.value {
        case .text, .plain: 1
        case .list(let items): items.reduce(1) { $0 + values($1) }
        case .table(let entries): entries.reduce(1) { $0 + values($1.node) }
        }
    }

    private static func keysAreUnique(_ node: TOMLNode) -> Bool {
        switch node.value {
        case .text, .plain: true
        case .list(let items): items.allSatisfy(keysAreUnique)
        case .table(let entries):
            Set(entries.map(\.key)).count == entries.count && entries.allSatisfy { keysAreUnique($0.node) }
        }
    }
}
