import PharosBytes
import PharosProtocol
import Testing

@Suite("Fossil deltas")
struct FossilDeltaTests {
    static func delta(_ base: [UInt8], _ target: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        FossilDelta.create(from: base, to: target, into: &writer)
        return writer.array
    }

    private func delta(_ base: String, _ target: String) -> String {
        String(decoding: Self.delta(utf8(base), utf8(target)), as: UTF8.self)
    }

    private func applied(_ delta: String, _ base: String, limit: Int = 10_000) -> Result<String, FossilDeltaError> {
        Result { () throws(FossilDeltaError) in
            String(decoding: try FossilDelta.apply(utf8(delta), to: utf8(base), limit: limit), as: UTF8.self)
        }
    }

    @Test("what cannot be copied is one insert, with length and checksum as the format has them")
    func inserts() {
        #expect(delta("", "") == "0\n0;")
        #expect(delta("", "abc") == "3\n3:abc1XObC0;")
        #expect(delta("xyz", "abcd") == "4\n4:abcd1XObD_;")
        #expect(delta("", "abcdefg") == "7\n7:abcdefg36nCe_;")
        #expect(
            Self.delta([], Array(repeating: 0xFF, count: 8)) == utf8("8\n8:") + Array(repeating: 0xFF, count: 8)
                + utf8("3~~~~z;"))
    }

    @Test("a change in the middle is the beginning, the change and the end")
    func change() {
        let base = #"{"user":"alice","status":"online","score":1200,"rank":"gold"}"#
        let target = #"{"user":"alice","status":"online","score":1350,"rank":"gold"}"#
        #expect(delta(base, target) == "y\ng@0,2:35G@i,1sTAu;")
        #expect(applied("y\ng@0,2:35G@i,1sTAu;", base) == .success(target))
    }

    @Test("runs are found in another order than they had")
    func order() {
        let paragraphs = [
            "The quick brown fox jumps over it. ", "Pack my box with five dozen jugs. ",
            "Sphinx of quartz, judge my vow now. ",
        ]
        let delta = delta(paragraphs.joined(), paragraphs.reversed().joined())
        #expect(delta.contains("@") && !delta.contains(":"))
    }

    @Test("the digits of the format: 270 is 4E, 983 is FN, 6246 is 1Xb")
    func digits() throws {
        for (text, number) in [("4E", 270), ("FN", 983), ("1Xb", 6_246), ("_", 36), ("a", 37), ("~", 63), ("10", 64)] {
            let zeros = [UInt8](repeating: 0, count: number)
            #expect(try FossilDelta.apply(utf8("\(text)\n\(text)@0,0;"), to: zeros, limit: number) == zeros)
        }
    }

    @Test("equal texts are one copy, and an empty base or target is nothing special")
    func edges() {
        let text = String(repeating: "abc", count: 40)
        #expect(delta(text, text).hasPrefix("1t\n1t@0,"))
        #expect(applied(delta(text, ""), text) == .success(""))
        #expect(applied(delta("", text), "") == .success(text))
        // As other encoders write it.
        #expect(applied("0\n0:0;", "x") == .success(""))
    }

    @Test("a delta of texts is text: characters are never cut")
    func characters() {
        let base = String(repeating: "Привет, ", count: 20) + "мир и труд на всей земле"
        let target = String(repeating: "Привет, ", count: 20) + "мёр и труд на всей зёмле"
        let delta = Self.delta(utf8(base), utf8(target))
        #expect(String(validating: delta, as: UTF8.self) != nil)
        #expect(delta.count < utf8(target).count / 2)
    }

    @Test(
        "what is not exactly a delta is refused",
        arguments: [
            "", "3", "3\n", "3\n3:abc", "3\n3:abc1XObC0", "3\n3:abc1XObC0;x", "\n3:abc1XObC0;", "3 3:abc1XObC0;",
            "03\n3:abc1XObC0;", "3\n03:abc1XObC0;", "3\n3:abc01XObC0;", "4\n3:abc1XObC0;", "2\n3:abc1XObC0;",
            "3\n4:abc1XObC0;",
            "3\n3?abc1XObC0;", "3\n:abc1XObC0;", "3\n3@0;", "3\n3@,0;", "3\n3@0 0;", "1000000\n0;", "3\n40000001:abc;",
            "3\n~~~~~~@0,0;",
            "3\n3:abc;",
        ])
    func malformed(delta: String) {
        guard case .failure(.malformed) = applied(delta, "abcdef", limit: 100) else {
            guard case .failure(.tooLong) = applied(delta, "abcdef", limit: 100) else {
                Issue.record("accepted or another error: \(applied(delta, "abcdef"))")
                return
            }
            #expect(delta == "1000000\n0;")
            return
        }
    }

    @Test("a copy beyond the base and another checksum mean another base")
    func wrongBase() {
        #expect(applied("3\n3@4,0;", "abcdef") == .failure(.wrongBase))
        #expect(applied("3\n3@~~~~,0;", "abcdef") == .failure(.wrongBase))
        #expect(applied("3\n3@0,1XObC1;", "abc") == .failure(.wrongBase))
        #expect(applied("3\n3@0,1XObC0;", "abc") == .success("abc"))
    }

    @Test("the limit counts before anything is made")
    func limit() {
        #expect(applied("4\n4:abcd1XObD_;", "", limit: 3) == .failure(.tooLong(limit: 3)))
        #expect(applied("3~~~~~\n3~~~~~@0,0;", "a", limit: 100) == .failure(.tooLong(limit: 100)))
    }

    @Test("payloads as JSON strings: escapes, markup if asked for, and only UTF-8")
    func jsonStrings() {
        func string(_ bytes: [UInt8], _ escapesMarkup: Bool = false) -> String? {
            var writer = ByteWriter()
            guard writer.appendJSONString(bytes, escapesMarkup: escapesMarkup) else {
                #expect(writer.count == 0)
                return nil
            }
            return String(decoding: writer.array, as: UTF8.self)
        }
        #expect(string(utf8("a\"\\\n\r\t\u{1}\u{1F}é<>&")) == #""a\"\\\n\r\t\u0001\u001fé<>&""#)
        #expect(string(utf8("<>&"), true) == #""\u003c\u003e\u0026""#)
        #expect(string([]) == #""""#)
        #expect(string([0xC3]) == nil && string([0xED, 0xA0, 0x80]) == nil && string([0xC0, 0x80]) == nil)
    }
}
