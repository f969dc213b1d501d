import PharosProtocol
import Testing

@Suite("Lines of the log")
struct LogLineTests {
    private static let time: Int64 = 1_767_323_045_678

    private func text(_ message: String, _ fields: [(name: String, value: String)] = []) -> String {
        LogLine.text(timeMs: Self.time, level: "warning", message: message, fields: fields)
    }

    private func json(_ message: String, _ fields: [(name: String, value: String)] = []) -> String {
        LogLine.json(timeMs: Self.time, level: "warning", message: message, fields: fields)
    }

    @Test("both forms have the time of RFC 3339, the level, the message and the fields in order")
    func forms() {
        let fields = [(name: "user", value: "42"), (name: "origin", value: "https://a b")]
        #expect(text("refused", fields) == "2026-01-02T03:04:05.678Z warning refused user=42 origin=\"https://a b\"\n")
        #expect(
            json("refused", fields)
                == "{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"warning\",\"message\":\"refused\","
                + "\"user\":\"42\",\"origin\":\"https://a b\"}\n")
    }

    @Test("a field never takes the place of the line's own")
    func ownNames() {
        #expect(json("m", [(name: "level", value: "error")]).contains("\"level\":\"warning\""))
        #expect(json("m", [(name: "level", value: "error")]).contains("\"level_\":\"error\""))
    }

    /// Every scalar that could deceive a reader of the log.
    ///
    /// It ends a line somewhere, moves the cursor or turns the direction of the text behind it.
    static let dangerous: [Unicode.Scalar] =
        (0...0x1f).map { Unicode.Scalar($0)! } + (0x7f...0x9f).map { Unicode.Scalar($0)! }
        + ["\u{ad}", "\u{200b}", "\u{200e}", "\u{2028}", "\u{2029}", "\u{202e}", "\u{2066}", "\u{feff}", "\u{e0001}"]

    @Test("foreign text stays on its line and in its value, in both forms")
    func forged() {
        for scalar in Self.dangerous {
            let forged = "x\(Character(scalar))2026-01-02T03:04:05.678Z error forged"
            for line in [text("m", [(name: "user", value: forged)]), text(forged)] {
                #expect(
                    line.unicodeScalars.filter { $0 == scalar }.count == (scalar == "\n" ? 1 : 0), "\(scalar.value)")
                #expect(line.unicodeScalars.last == "\n")
            }
            for line in [json("m", [(name: "user", value: forged)]), json(forged)] {
                #expect(
                    line.unicodeScalars.filter { $0 == scalar }.count == (scalar == "\n" ? 1 : 0), "\(scalar.value)")
                let bytes = Array(line.utf8.dropLast())
                #expect(bytes.withUnsafeBytes { JSONScanner.isValid($0) }, "\(scalar.value)")
            }
            #expect(!LogLine.escaped(forged).unicodeScalars.contains(scalar))
        }
    }

    @Test("a value cannot pretend to be another field")
    func forgedField() {
        #expect(text("m", [(name: "user", value: "a level=error")]).hasSuffix("m user=\"a level=error\"\n"))
        #expect(
            text("m", [(name: "user", value: "a\" level=error b=\"")]).hasSuffix("user=\"a\\\" level=error b=\\\"\"\n"))
        #expect(text("m", [(name: "user", value: "a\\\" b")]).hasSuffix("user=\"a\\\\\\\" b\"\n"))
        #expect(text("m", [(name: "user", value: "")]).hasSuffix("user=\"\"\n"))
    }

    @Test("long foreign text is cut, and says so")
    func cut() {
        #expect(LogLine.escaped("abcdef", limit: 3) == "abc…")
        #expect(LogLine.escaped("abc", limit: 3) == "abc")
        #expect(LogLine.escaped("ab\n\u{1b}", limit: 4) == "ab\\n\\u{1b}")
    }
}
