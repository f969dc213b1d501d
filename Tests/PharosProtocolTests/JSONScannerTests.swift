import PharosProtocol
import Testing

@Suite("JSON scanner")
struct JSONScannerTests {
    private func scan<Value>(
        _ text: String, _ body: (inout JSONScanner) throws -> Value
    ) throws -> Value {
        try Array(text.utf8).withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            let value = try body(&scanner)
            try scanner.finish()
            return value
        }
    }

    @Test("integers are exact up to both ends of 64 bits")
    func readsIntegers() throws {
        #expect(try scan("18446744073709551615") { s in try s.integer(UInt64.self) } == .max)
        #expect(try scan("9223372036854775807") { s in try s.integer(Int64.self) } == .max)
        #expect(try scan("-9223372036854775808") { s in try s.integer(Int64.self) } == .min)
        #expect(try scan(" 9007199254740993 ") { s in try s.integer(UInt64.self) } == 9_007_199_254_740_993)
        #expect(try scan("-0") { s in try s.integer(UInt32.self) } == 0)
    }

    @Test(
        "a number that is no integer of the type is malformed",
        arguments: [
            "1.0", "1e3", "1E0", "-1", "4294967296", "18446744073709551616", "99999999999999999999999", "01", "\"1\"",
            "true", "",
            "-",
        ])
    func refusesOtherNumbers(text: String) {
        #expect(throws: MalformedFrame.self) {
            try scan(text) { s in try s.integer(UInt32.self) }
        }
    }

    @Test("strings come back with all escapes resolved")
    func readsStrings() throws {
        let text = #""a\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00é😀\u0000z""#
        let read = try scan(text) { s in try s.text().string }
        #expect(read == "a\"\\/\u{8}\u{C}\n\r\tAé€😀é😀\u{0}z")
    }

    @Test("a member name matches with and without escapes")
    func matchesNames() throws {
        func matches(_ text: String) throws -> Bool {
            try scan(text) { s in "channel" ~= (try s.text()) }
        }
        #expect(try matches(#""channel""#))
        #expect(try matches(#""\u0063hanne\u006c""#))
        #expect(try !matches(#""channe""#))
        #expect(try !matches(#""channels""#))
        #expect(try !matches(#""Channel""#))
        #expect(try !matches(#""""#))
    }

    @Test("a skipped value is returned byte by byte, without the whitespace around it")
    func skipsValues() throws {
        let value = #"{ "a" : [1, 2,{"b":"}]"}] }"#
        let raw = try scan(" \n\(value) \t") { s in Array(try s.skipValue()) }
        #expect(raw == utf8(value))
    }

    @Test("objects and arrays inside one another are read to their ends")
    func readsContainers() throws {
        let text = #"{"a":{},"b":[],"c":[{"x":1},{}],"d":[[],[2,3]],"e":4}"#
        let seen = try scan(text) { s in
            var seen: [String] = []
            try s.beginObject()
            while let member = try s.nextMember() {
                seen.append(try member.string)
                switch member {
                case "a":
                    try s.beginObject()
                    while try s.nextMember() != nil { seen.append("?") }
                case "c":
                    try s.beginArray()
                    while try s.nextElement() {
                        try s.beginObject()
                        while let inner = try s.nextMember() {
                            seen.append("\(try inner.string)\(try s.integer(Int.self))")
                        }
                    }
                case "d":
                    try s.beginArray()
                    while try s.nextElement() {
                        try s.beginArray()
                        while try s.nextElement() { seen.append("\(try s.integer(Int.self))") }
                    }
                default: try s.skipValue()
                }
            }
            return seen
        }
        #expect(seen == ["a", "b", "c", "x1", "d", "2", "3", "e"])
    }

    @Test("an empty buffer without an address is no value")
    func emptyBuffer() {
        #expect(!JSONScanner.isValid(UnsafeRawBufferPointer(start: nil, count: 0)))
    }
}
