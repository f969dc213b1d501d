import Foundation
import Testing

/// Looks in the product's sources for names that became plain text again.
///
/// The type of names cannot forbid that by itself.
@Suite("no name is compared as text")
struct NameSourceTests {
    private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Sources")

    /// The targets in which names decide on access and delivery.
    ///
    /// The others read configurations and commands, or are what a program embeds.
    private static let strict = [
        "PharosDomain", "PharosProtocol", "PharosEdge", "PharosMemory", "PharosChannels", "PharosServices",
        "PharosSQLite", "PharosOrigin",
    ]
    private static let all = strict + ["PharosAuth", "PharosAPI", "PharosTransports", "PharosConfiguration", "Pharos"]

    /// Texts of this server's own making, which no client or caller can choose.
    private static let ownTexts: Set<String> = [
        // Reasons of refusals are words of ours.
        "PharosDomain/Refusal/RefusalKind.swift", "PharosServices/Node/RefusalLedger.swift",
        // Names of commands and of API methods, for counters.
        "PharosServices/Core/ServiceCounters.swift", "PharosServices/Messages/NodeCounters.swift",
        // Words of brokers about themselves, and our names of them.
        "PharosDomain/EngineFacts.swift",
        // Names of metrics.
        "PharosProtocol/ServerAPI/Verbs/Info.swift",
    ]

    struct Finding: CustomStringConvertible {
        var description: String
    }

    /// The lines of `targets` that match, without comments.
    private static func findings(_ pattern: String, in targets: [String], except files: Set<String> = []) throws
        -> [Finding]
    {
        let regex = try Regex(pattern).wordBoundaryKind(.simple)
        var found: [Finding] = []
        for target in targets {
            let folder = sources.appendingPathComponent(target)
            let paths = try #require(FileManager.default.enumerator(atPath: folder.path)).compactMap { $0 as? String }
            for path in paths.sorted() where path.hasSuffix(".swift") && !files.contains("\(target)/\(path)") {
                let text = try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
                for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                    let code = line.drop { $0 == " " }
                    guard !code.hasPrefix("//"), code.contains(regex) else { continue }
                    found.append(Finding(description: "\(target)/\(path):\(number + 1): \(code)"))
                }
            }
        }
        return found
    }

    @Test(
        "the text of a name is for output: it is no side of a comparison, no key, and nothing is searched in it",
        arguments: [
            #"\.text\)? (==|!=|<|>|~=) "#, #"(==|!=|~=) [A-Za-z0-9_][A-Za-z0-9_.?!]*\.text\b"#,
            #"\[[A-Za-z0-9_.?!]*\.text\]"#,
            #"\.text\.(hasPrefix|hasSuffix|contains|lowercased|uppercased|split|firstIndex|firstRange|range)\b"#,
            #"contains\([A-Za-z0-9_.?!]*\.text\)"#, #"switch [A-Za-z0-9_.?!]*\.text \{"#,
        ])
    func comparisons(_ pattern: String) throws {
        // The variable of an origin's secret is the system's, which has texts only.
        let found = try Self.findings(
            pattern, in: Self.all,
            except: ["PharosDomain/Identifier.swift", "PharosConfiguration/Schema/ConfigurationSchema+Hooks.swift"])
        #expect(found.isEmpty, "\(found)")
    }

    @Test("where names are kept, no dictionary and no set has texts for keys")
    func keys() throws {
        let found = try Self.findings(
            #"\[String: |Set<String>|\[Substring: |Set<Substring>"#, in: Self.strict, except: Self.ownTexts)
        #expect(found.isEmpty, "\(found)")
    }

    @Test("what is a name has the type of one")
    func declarations() throws {
        let found = try Self.findings(
            #"\b(channel|channels|user|users|client|clients|epoch|session|sessionKey|idempotencyKey|namespace|topic|origin|origins|connection|connections|keyID): (\[)?(String|Substring)\b"#,
            in: Self.strict,
            except: [
                // As they came in a query, a header or SQL, before they are read.
                "PharosProtocol/Poll/EventsRequest.swift", "PharosProtocol/Origin/HTTPAnswer.swift",
                "PharosSQLite/Events/EventLedger+Crash.swift",
            ])
        #expect(found.isEmpty, "\(found)")
    }

    @Test("letters lose their case by ASCII's rules, by which no other letter becomes one of them")
    func cases() throws {
        let found = try Self.findings(#"\.(lowercased|uppercased)\(\)"#, in: Self.strict)
        #expect(found.isEmpty, "\(found)")
    }
}
