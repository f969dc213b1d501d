import Foundation
import PharosDomain
import Testing

/// docs/codes.md and the source say the same, in both directions.
@Suite("the table of codes")
struct CodeTableTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The rows of one section of the page, as cells.
    private static func rows(under heading: String) throws -> [[String]] {
        let page = try String(contentsOf: root.appending(path: "docs/codes.md"), encoding: .utf8)
        let section = try #require(page.components(separatedBy: "\n## ").first { $0.hasPrefix(heading) })
        return section.split(separator: "\n").filter { $0.hasPrefix("| ") && $0.dropFirst(2).first?.isNumber == true }
            .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
    }

    /// The code and the text of every `Type(code: n, …)` in the source.
    ///
    /// Only those whose code is a number.
    ///
    /// - Parameter isListed: whether a file's are wanted.
    private static func literals(
        of type: String, where isListed: (URL) -> Bool = { _ in true }
    ) throws -> [String] {
        var found: Set<String> = []
        let sources = try #require(
            FileManager.default.enumerator(at: root.appending(path: "Sources"), includingPropertiesForKeys: nil))
        for case let file as URL in sources where file.pathExtension == "swift" && isListed(file) {
            let text = try String(contentsOf: file, encoding: .utf8)
            let pattern = try Regex(
                type + #"\(\s*code:\s*(\d[\d_]*),\s*(?:reason|message):\s*"([^"]*)"(,\s*isTemporary:\s*true)?"#)
            for match in text.matches(of: pattern) {
                let code = String(match.output[1].substring ?? "").replacing("_", with: "")
                // A code of 0 stands for none, until it is read.
                let words = String(match.output[2].substring ?? "")
                if code == "0" && words.isEmpty { continue }
                found.insert("\(code) \(words)" + (match.output[3].substring == nil ? "" : " temporary"))
            }
        }
        return found.sorted()
    }

    @Test("errors of replies")
    func errors() throws {
        let table = try Self.rows(under: "Errors").map { "\($0[0]) \($0[1])" + ($0[2] == "yes" ? " temporary" : "") }
        let isList: (URL) -> Bool = { $0.lastPathComponent == "Codes.swift" }
        #expect(table.sorted() == (try Self.literals(of: "ReplyError", where: isList)))
        // Elsewhere a message may say more, under a code of the table.
        func short(_ row: String) -> String {
            let words = row.split(separator: " ")
            return "\(words[0]) \(words.last == "temporary")"
        }
        let known = Set(table.map(short))
        for other in try Self.literals(of: "ReplyError", where: { !isList($0) }) {
            #expect(known.contains(short(other)), "\(other)")
        }
        #expect(table.count == 15)
    }

    @Test("ends of connections, and whether clients come back")
    func disconnects() throws {
        let rows = try Self.rows(under: "Ends of a connection")
        #expect(rows.map { "\($0[0]) \($0[1])" }.sorted() == (try Self.literals(of: "Disconnect")))
        #expect(rows.count == 23)
        for row in rows where row[2] != "–" {
            let code = try #require(UInt32(row[0]))
            #expect(Disconnect(code: code, reason: "").isReconnect == (row[2] == "yes"), "\(code)")
        }
    }

    @Test("ends of subscriptions")
    func unsubscribes() throws {
        let table = try Self.rows(under: "Ends of a subscription").map { "\($0[0]) \($0[1])" }
        #expect(table.sorted() == (try Self.literals(of: "UnsubscribeReason")))
        #expect(table.count == 5)
    }

    @Test("every row says when")
    func when() throws {
        for heading in ["Errors", "Ends of a connection", "Ends of a subscription"] {
            for row in try Self.rows(under: heading) { #expect(row.last?.isEmpty == false) }
        }
    }
}
