import PharosAuth
import PharosDomain
import Testing

@Suite("The strict JSON reader")
struct JSONReaderTests {
    private func read(_ text: String) -> JSONValue? {
        try? JSONReader.value(Array(text.utf8))
    }

    @Test("values of every kind")
    func values() {
        #expect(read(" null ") == .null)
        #expect(read("true") == .bool(true))
        #expect(read("-0.5e+10") == .number("-0.5e+10"))
        #expect(read("[1,[ ],{}]") == .array([.number("1"), .array([]), .object(JSONObject())]))
        #expect(read(#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀""#) == .string("a\"\\/\u{8}\u{c}\n\r\té😀é😀"))
    }

    @Test(
        "what RFC 8259 does not allow",
        arguments: [
            "", " ", "nul", "nulll", "True", "01", "+1", ".5", "1.", "1e", "1e+", "-", "0x1", "NaN", "Infinity", "[1,]",
            "[,1]", "[1 2]", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "{a:1}", #"{"a":1"#, "[", "]", "'a'", #"""#,
            "\"\n\"", #""\x""#, #""\u12""#, #""\u12g4""#, "1 2", "// x\n1", "\u{FEFF}1",
        ])
    func refused(text: String) {
        #expect(read(text) == nil)
    }

    @Test(
        "half a surrogate pair is JSON (RFC 8259, section 8.2), and no text",
        arguments: [#""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\ud800x""#, #""\ud800\ud83d\ude00""#])
    func surrogates(text: String) {
        #expect(read(text) == .brokenString)
        #expect(read(text)?.string == nil)
        let object = read(#"{\#(text):1,"a":[\#(text)]}"#)?.object
        #expect(object?["a"]?.array == [.brokenString])
        #expect(object?.compactText(of: "a") == Array("[\(text)]".utf8))
        #expect(read(#"{\#(text):1,\#(text):2}"#) == nil)
    }

    @Test("broken UTF-8 in a string")
    func brokenUTF8() {
        for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] {
            #expect((try? JSONReader.value(bytes)) == nil)
        }
    }

    @Test("a name that occurs twice, in small and large objects, also when escaped")
    func duplicates() {
        #expect(read(#"{"a":1,"a":2}"#) == nil)
        #expect(read(#"{"a":1,"\u0061":2}"#) == nil)
        let many = (0..<100).map { #""n\#($0)":1"# }.joined(separator: ",")
        #expect(read("{\(many)}") != nil)
        #expect(read(#"{\#(many),"n99":1}"#) == nil)
        #expect(read(#"{\#(many),"n3":1}"#) == nil)
    }

    @Test("nesting to the limit and one beyond")
    func depth() {
        func nested(_ count: Int) -> String {
            String(repeating: "[", count: count) + String(repeating: "]", count: count)
        }
        #expect(read(nested(JSONReader.depthLimit)) != nil)
        #expect(read(nested(JSONReader.depthLimit + 1)) == nil)
        #expect(read("[" + Array(repeating: "[]", count: 100).joined(separator: ",") + "]") != nil)
    }

    @Test("numbers become seconds without losing an integer or trapping")
    func seconds() {
        #expect(read("9007199254740993")?.seconds == 9_007_199_254_740_993)
        #expect(read("-1.5")?.seconds == -2)
        #expect(read("1e400")?.seconds == .max)
        #expect(read("-1e400")?.seconds == .min)
        #expect(read("9223372036854775807.0")?.seconds == .max)
        #expect(read("-9223372036854775808.0")?.seconds == .min)
        #expect(read(#""1""#)?.seconds == nil)
    }
}
