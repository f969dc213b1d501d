import Foundation
import PharosDomain
import Testing

@testable import PharosAPI

@Suite("The page for operators")
struct OperatingPageTests {
    private static let page = try! String(
        contentsOf: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/operating.md"), encoding: .utf8)

    @Test("names every kind of refusal as the server counts and writes it", arguments: RefusalKind.allCases)
    func refusals(kind: RefusalKind) {
        let row = kind.row
        let reasons = row.reasons.map { "`\($0)`" }.joined(separator: " ")
        let line = "| `\(row.message)` | `pharos_\(row.metric)` | `\(row.label)`: \(reasons) |"
        #expect(Self.page.contains(line + "\n"), "expected in docs/operating.md: \(line)")
    }

    @Test("names every metric")
    func metrics() {
        for (name, help) in NodeMetrics.helps.sorted(by: { $0.key < $1.key }) {
            let line = "| `pharos_\(name)` | \(help) |"
            #expect(Self.page.contains(line + "\n"), "expected in docs/operating.md: \(line)")
        }
    }

    @Test("names of metrics are as promtool wants them: counters end in _total, others in no suffix that has a meaning")
    func names() {
        for (name, _) in NodeMetrics.helps {
            #expect(
                ["_count", "_sum", "_bucket", "_info", "_milliseconds", "_ms"].allSatisfy { !name.hasSuffix($0) },
                "\(name)")
        }
    }
}
