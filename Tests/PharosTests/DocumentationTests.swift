import Foundation
import Testing

/// Where the repository is, seen from this file.
private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

@Suite("the library's documentation")
struct DocumentationTests {
    private static let pages =
        ["docs/library.md"]
        + ["Pharos", "DecidingInClosures", "HearingChannels"].map { "Sources/Pharos/Pharos.docc/\($0).md" }

    @Test("every snippet is code of a program that is built and run", arguments: pages)
    func snippets(_ page: String) throws {
        let compiled = try lines("Tests/Snippets/Snippets.swift")
        var snippet: [String]?
        var count = 0
        for line in try String(contentsOf: root.appendingPathComponent(page), encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        {
            if line.hasPrefix("```swift") {
                snippet = []
            } else if line.hasPrefix("```"), let found = snippet {
                #expect(
                    compiled.firstRange(of: found) != nil,
                    "not in Tests/Snippets/Snippets.swift: \(found.joined(separator: "\n"))")
                count += 1
                snippet = nil
            } else if snippet != nil {
                let text = line.trimmingCharacters(in: .whitespaces)
                if !text.isEmpty { snippet!.append(text) }
            }
        }
        #expect(count > 0)
    }

    @Test("the list of what is public is complete, and nothing else is on it")
    func publicSurface() throws {
        let declared = try PublicDeclarations.all(in: root.appendingPathComponent("Sources/Pharos"))
        var listed: Set<String> = []
        for line in try lines("docs/public-api.md") where line.hasPrefix("| `") {
            let names = line.dropFirst(2).prefix { $0 != "|" }.split(separator: " ").map { $0.filter { $0 != "`" } }
            // ".name" belongs to the first one of its row.
            listed.formUnion(names.map { $0.hasPrefix(".") ? names[0] + $0 : $0 })
        }
        #expect(declared.subtracting(listed).sorted() == [], "public, and not argued in docs/public-api.md")
        #expect(listed.subtracting(declared).sorted() == [], "in docs/public-api.md, and not public")
    }

    @Test("only the library is public: everything inside is for the package")
    func nothingElseIsPublic() throws {
        let sources = root.appendingPathComponent("Sources")
        for target in try FileManager.default.contentsOfDirectory(atPath: sources.path) where target != "Pharos" {
            #expect(try PublicDeclarations.all(in: sources.appendingPathComponent(target)) == [])
        }
    }

    private func lines(_ path: String) throws -> [String] {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8).split(separator: "\n")
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }
}

/// Finds public declarations by their text.
///
/// The sources are formatted, so indentation shows the nesting.
private enum PublicDeclarations {
    /// Qualified names, without arguments: overloads are one.
    static func all(in folder: URL) throws -> Set<String> {
        var names: Set<String> = []
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            names.formUnion(found(in: try String(contentsOf: file, encoding: .utf8)))
        }
        return names
    }

    private static func found(in text: String) -> Set<String> {
        var names: Set<String> = []
        var scopes: [(indent: Int, name: String)] = []
        for line in text.split(separator: "\n") {
            let indent = line.prefix { $0 == " " }.count
            let code = line.dropFirst(indent)
            guard !code.hasPrefix("//"), !code.isEmpty else { continue }
            if code.hasPrefix("}") || !code.hasPrefix(")") {
                while let last = scopes.last, last.indent >= indent, !code.hasPrefix(")") { scopes.removeLast() }
            }
            guard let (kind, name) = declaration(code) else { continue }
            let qualified = (scopes.map(\.name) + [name]).joined(separator: ".")
            if code.hasPrefix("public "), kind != "import", kind != "extension" { names.insert(qualified) }
            if code.hasPrefix("@Sendable public ") { names.insert(qualified) }
            if ["struct", "class", "enum", "extension", "protocol", "actor"].contains(kind), code.hasSuffix("{") {
                scopes.append((indent, name))
            }
        }
        return names
    }

    private static func declaration(_ code: Substring) -> (kind: String, name: String)? {
        var words = code.split(separator: " ")[...]
        let modifiers: Set<Substring> = [
            "public", "package", "private", "fileprivate", "internal", "static", "final", "mutating", "convenience",
            "@Sendable", "indirect", "nonisolated", "override", "lazy", "consuming", "borrowing",
        ]
        while let word = words.first, modifiers.contains(word) { words.removeFirst() }
        guard let first = words.first else { return nil }
        if first.hasPrefix("init(") || first.hasPrefix("init?(") { return ("init", "init") }
        if first.hasPrefix("subscript(") { return ("subscript", "subscript") }
        let kinds: Set<Substring> = [
            "struct", "class", "enum", "extension", "protocol", "actor", "func", "var", "let", "typealias", "import",
        ]
        guard kinds.contains(first), words.count > 1 else { return nil }
        let name = words[words.startIndex + 1].prefix {
            $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." || $0 == "="
        }
        return (String(first), String(name))
    }
}
