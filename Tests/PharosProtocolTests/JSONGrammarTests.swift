import PharosProtocol
import Testing

@Suite("JSON grammar (RFC 8259)")
struct JSONGrammarTests {
    @Test(
        "well-formed texts are accepted",
        arguments: [
            "null", "true", "false", "0", "-0", "1", "-1", "10", "1.5", "-0.25", "1e5", "1E+5", "1e-5", "0e0", "1.5e10",
            "123456789012345678901234567890", "\"\"", "\"a\"", "{}", "[]", " {} ", "\t\r\n[\n]\r\n", "[1]", "[1,2]",
            "[[],{},[[]]]", #"{"a":1}"#, #"{"a":{"b":[1,{"c":null}]},"d":"e"}"#, #"{ "a" : 1 , "b" : [ 1 , 2 ] }"#,
            #"{"":0}"#, #"{"a":1,"a":2}"#, #""\"\\\/\b\f\n\r\t""#, #""\u0000\u00e9\uD83D\uDE00\uFFFF""#, "\"é€😀\"",
            "\"\u{7F}\"", "\"\u{2028}\u{2029}\"", "\"0123456789abcdef\"", "\"0123456\\n89abcdef\"",
        ])
    func accepts(text: String) { #expect(Wire.isValid(text)) }

    @Test(
        "everything else is refused",
        arguments: [
            "", " ", "nul", "nulll", "True", "tru", "fals", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1e",
            "1e+",
            "1.e5", "0x1", "1 2", "{} {}", "{", "}", "[", "]", "[1", "[1,", "[,1]", "[1,]", "[1 2]", "{,}", #"{"a"}"#,
            #"{"a":}"#, #"{"a":1,}"#, #"{"a" 1}"#, #"{a:1}"#, "{'a':1}", #"{1:1}"#, #"{"a":1]"#, "[1}", "[}", "{]",
            "\"", "\"a",
            "'a'", "\"a\nb\"", "\"a\tb\"", "\"\u{0}\"", #""\x""#, #""\""#, #""\u""#, #""\u12""#, #""\u12g4""#,
            #""\uD8""#, #""\uD800\u""#, "// a\n1",
            "1 // a",
            "\u{FEFF}1", "[1]x", "nullnull", #"{"a":1 "b":2}"#, "[\"a\" \"b\"]", "\u{A0}1",
        ])
    func refuses(text: String) { #expect(!Wire.isValid(text)) }

    @Test(
        "half a surrogate pair is JSON (section 8.2), and no text",
        arguments: [
            #"\uD800"#, #"\uD800x"#, #"\uD800\u0041"#, #"\uDC00"#, #"\uD800\uD800"#, #"\uDE00\uD83D"#, #"\ud83e\n"#,
        ])
    func halfPairs(text: String) throws {
        #expect(Wire.isValid("\"\(text)\""))
        #expect(Wire.isValid(#"{"\#(text)":["a\#(text)"]}"#))
        try utf8("\"a\(text)\"").withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            let string = try scanner.text()
            #expect(throws: MalformedFrame.self) { try string.string }
            try scanner.finish()
        }
    }

    @Test(
        "broken UTF-8 inside a string is refused, wherever it stands",
        arguments: [
            [0x80], [0xC3], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80],
            [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
            [0xFE],
            [0xE2, 0x28, 0xA1], [0xF0, 0x9F, 0x28, 0x80], [0xC3, 0x28],
        ] as [[UInt8]])
    func refusesBrokenUTF8(bytes: [UInt8]) {
        // At every place relative to the eight bytes that are looked at together.
        for offset in 0..<10 {
            let text = Array(repeating: UInt8(ascii: "a"), count: offset) + bytes
            #expect(!Wire.isValid([0x22] + text + [0x22]))
            #expect(!Wire.isValid([0x22] + text + Array(repeating: UInt8(ascii: "b"), count: 9) + [0x22]))
        }
    }

    @Test("the first and last scalar of every UTF-8 length pass")
    func acceptsEdgesOfUTF8() {
        for scalar in [0x20, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF] as [UInt32] {
            let text = String(Character(Unicode.Scalar(scalar)!))
            for offset in 0..<10 { #expect(Wire.isValid("\"" + String(repeating: "a", count: offset) + text + "\"")) }
        }
    }

    @Test("a control character is found at every place of a long string")
    func findsControlCharacters() {
        for place in 0..<24 {
            for byte in [0x00, 0x0A, 0x1F] as [UInt8] {
                var bytes = Array(repeating: UInt8(ascii: "a"), count: 24)
                bytes[place] = byte
                #expect(!Wire.isValid([0x22] + bytes + [0x22]))
            }
        }
    }

    @Test("64 levels are accepted, 65 refused, a million are refused without recursion")
    func limitsDepth() {
        func nested(_ depth: Int, _ open: String, _ inner: String, _ close: String) -> String {
            String(repeating: open, count: depth) + inner + String(repeating: close, count: depth)
        }
        #expect(Wire.isValid(nested(64, "[", "1", "]")))
        #expect(Wire.isValid(nested(64, "[", "", "]")))
        #expect(Wire.isValid(nested(64, "{\"a\":", "1", "}")))
        #expect(Wire.isValid(nested(32, "[{\"a\":", "1", "}]")))
        #expect(!Wire.isValid(nested(65, "[", "1", "]")))
        #expect(!Wire.isValid(nested(65, "[", "", "]")))
        #expect(!Wire.isValid(nested(65, "{\"a\":", "1", "}")))
        #expect(!Wire.isValid(nested(1_000_000, "[", "", "]")))
        #expect(!Wire.isValid(String(repeating: "[", count: 1_000_000)))
    }

    @Test("every prefix of a text is refused and reads nothing beyond its end")
    func refusesPrefixes() {
        let text = utf8(#"{"key":["a\u00e9\uD83D\uDE00é😀",-1.5e+10,true,false,null,{"x":{}}]}"#)
        #expect(Wire.isValid(text))
        for count in 0..<text.count {
            // A copy of exactly that length, so that a read past the end is one past an allocation.
            #expect(!Wire.isValid(Array(text[..<count])))
        }
    }
}
