import PharosTOML
import Testing

@Suite("TOML")
struct TOMLTests {
    /// A value in a short form for comparisons: texts in quotes, tables in braces.
    private func short(_ node: TOMLNode) -> String {
        switch node.value {
        case .text(let text): "\"\(text)\""
        case .plain(let text): text
        case .list(let items): "[" + items.map(short).joined(separator: ",") + "]"
        case .table(let entries): "{" + entries.map { "\($0.key):\(short($0.node))" }.joined(separator: ",") + "}"
        }
    }

    private func read(_ text: String) -> String {
        do throws(TOMLError) {
            return short(try TOMLDocument.parse(text))
        } catch {
            return "\(error.line): \(error.message)"
        }
    }

    @Test(
        "documents",
        arguments: [
            ("", "{}"), ("# nothing\n\n", "{}"), ("a = 1", "{a:1}"), ("a = 1 # one\r\nb = 2\r\n", "{a:1,b:2}"),
            ("\"a b\".'c.d'.e = true", "{a b:{c.d:{e:true}}}"), ("a.b = 1\na.c = 2", "{a:{b:1,c:2}}"),
            ("[a]\nb = 1\n[a.c]\nd = 2\n[e]", "{a:{b:1,c:{d:2}},e:{}}"),
            ("[a.b]\nc = 1\n[a]\nd = 2", "{a:{b:{c:1},d:2}}"),
            ("[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3\n[[a.e]]", "{a:[{b:1},{b:2,c:{d:3},e:[{}]}]}"),
            ("a = {b = 1, c.d = [1, 2,\n # two\n 3, ], e = {}}", "{a:{b:1,c:{d:[1,2,3]},e:{}}}"),
        ])
    func documents(text: String, meaning: String) {
        #expect(read(text) == meaning)
    }

    @Test(
        "values",
        arguments: [
            (#""a\tb\u00e9\U0001F600\"""#, "\"a\tb\u{e9}\u{1f600}\"\""), (#"'C:\a'"#, #""C:\a""#), ("''", "\"\""),
            ("\"\"\"\none\\\n   two \"quoted\" \"\"\"\"", "\"onetwo \"quoted\" \"\""),
            ("'''\n a\\\n b'''", "\" a\\\n b\""), ("\"\"\"\"\"\"", "\"\""),
            ("1_000", "1000"), ("+7", "7"), ("-0", "0"), ("0xFF", "255"), ("0o17", "15"), ("0b101", "5"),
            ("9223372036854775807", "9223372036854775807"), ("3.14", "3.14"), ("-1e1_0", "-1e10"), ("inf", "inf"),
            ("1979-05-27T07:32:00Z", "1979-05-27T07:32:00Z"), ("1979-05-27 07:32:00", "1979-05-27 07:32:00"),
            ("1979-05-27", "1979-05-27"), ("07:32:00", "07:32:00"), ("[]", "[]"), ("[[1], ['a']]", "[[1],[\"a\"]]"),
        ])
    func values(text: String, meaning: String) {
        #expect(read("k = " + text) == "{k:\(meaning)}")
    }

    @Test(
        "faults name their line",
        arguments: [
            ("a = 1\na = 2", "2: the same key twice: `a`"), ("[a]\n[a]", "2: the same key twice: `a`"),
            ("[[a]]\n[a]", "2: the same key twice: `a`"),
            ("a = 1\n[a.b]", "2: `a` has a value already and is no table"),
            ("a = {b = 1}\n[a]", "2: `a` has a value already and is no table"),
            ("a: 1", "1: expected `=` after a key"), ("a = ", "1: expected a value"),
            ("a = word", "1: not a value: texts stand between quotes"),
            ("a = 01", "1: not a value: texts stand between quotes"),
            ("a = 1 b = 2", "1: more than one value on a line"), ("\n[a", "2: a header that is not closed"),
            ("a = \"x\ny\"", "1: a text that is not closed on its line"),
            ("a = '''x", "1: a text of several lines that is not closed"),
            ("a = [1\n2]", "2: expected `,` or `]` in a list"), ("a = [1,\n", "1: a list that is not closed"),
            ("a = {b = 1", "1: expected `,` or `}` in a table"), (#"a = "\q""#, "1: an escape that TOML does not have"),
            (#"a = "\ud800""#, "1: an escape that is no character"), ("= 1", "1: expected a key"),
            ("# \u{1}", "1: a control character in a comment"),
            ("a = 99999999999999999999", "1: not a value: texts stand between quotes"),
        ])
    func faults(text: String, message: String) {
        #expect(read(text) == message)
    }

    @Test("limits: depth and number of values")
    func limits() {
        #expect(read("a = " + String(repeating: "[", count: 100_000)) == "1: nested too deeply")
        #expect(read("a = " + String(repeating: "{b = ", count: 100_000)) == "1: nested too deeply")
        #expect(read(String(repeating: "a.", count: 100_000) + "a = 1") == "1: a key with too many parts")
        #expect(read("a = [" + String(repeating: "1,", count: 60_000) + "]") == "1: more than 50000 values")
    }

    @Test("each value has its line")
    func lines() throws {
        let node = try TOMLDocument.parse("\na = 1\n[b]\n\nc = [\n 2]\n")
        guard case .table(let entries) = node.value, case .table(let inner) = entries[1].node.value else {
            Issue.record("no tables")
            return
        }
        #expect(entries.map(\.line) == [2, 3])
        #expect(inner[0].line == 5)
        guard case .list(let items) = inner[0].node.value else {
            Issue.record("no list")
            return
        }
        #expect(items[0].line == 6)
    }
}
