import PharosDomain
import Testing

/// Texts that `String` takes for equal, though their bytes differ.
enum Lookalikes {
    static let all: [(String, String)] = [
        ("\u{212A}ate", "Kate"),  // KELVIN SIGN
        ("caf\u{E9}", "cafe\u{301}"), ("\u{212B}", "\u{C5}"), ("a\u{37E}b", "a;b"), ("\u{1FEF}", "`"),
        ("\u{1100}\u{1161}", "\u{AC00}"),  // Hangul
        ("q\u{307}\u{323}", "q\u{323}\u{307}"),  // The same marks in another order.
        ("\u{2126}", "\u{3A9}"), ("\u{344}", "\u{308}\u{301}"),
    ]
}

@Suite("names are bytes")
struct IdentifierTests {
    @Test(
        "what only looks alike is another name: for ==, as a key, in a set and in a switch", arguments: Lookalikes.all)
    func lookalikes(_ one: String, _ other: String) {
        #expect(one == other, "no case of this kind")
        let (first, second) = (ChannelName(one), ChannelName(other))
        #expect(first != second)
        #expect(first == ChannelName(one))
        #expect(Set([first, second]).count == 2)
        let byName: [ChannelName: Int] = [first: 1, second: 2]
        #expect(byName[first] == 1 && byName[second] == 2)
        #expect([first].contains(first) && ![first].contains(second))
        #expect((first < second) != (second < first))
        #expect(!ChannelName(one + "/a").hasPrefix(second))
        #expect(ChannelName(one + "/a").hasPrefix(first))
        let found: Int =
            switch first {
            case second: 2
            case first: 1
            default: 0
            }
        #expect(found == 1)
    }

    @Test("the order is that of the bytes")
    func order() {
        let names: [ChannelName] = ["b", "", "é", "a", "ab", "\u{10000}", "\u{FFFF}", "Z", "a\u{0}"]
        #expect(names.sorted() == ["", "Z", "a", "a\u{0}", "ab", "b", "é", "\u{FFFF}", "\u{10000}"])
        for one in names {
            for other in names {
                #expect((one < other) == one.utf8.lexicographicallyPrecedes(other.utf8))
                #expect((one == other) == one.utf8.elementsEqual(other.utf8))
            }
        }
    }

    @Test("a mark that combines with a prefix does not hide it, as it would from a search for characters")
    func prefix() {
        #expect(!"map_\u{301}x".hasPrefix("map_"), "no case of this kind")
        #expect(MethodName("map_\u{301}x").hasPrefix("map_"))
        #expect(MethodName("a").hasPrefix(""))
        #expect(!MethodName("a").hasPrefix("ab"))
    }

    @Test("only ASCII letters have a lower case: a KELVIN SIGN does not become a k")
    func lowercase() {
        #expect("X-\u{212A}ey".lowercased() == "x-key", "no case of this kind")
        #expect(FieldName("X-\u{212A}ey").asciiLowercased == "x-\u{212A}ey")
        #expect(FieldName("X-Key").asciiLowercased == "x-key")
        #expect(FieldName("É").asciiLowercased == "É")
        #expect(FieldName("x-key").asciiLowercased == "x-key")
    }

    @Test("a name takes no more room than its text")
    func size() {
        #expect(MemoryLayout<ChannelName>.size == MemoryLayout<String>.size)
        #expect(MemoryLayout<ChannelName?>.size == MemoryLayout<String?>.size)
        #expect(MemoryLayout<ChannelName??>.size == MemoryLayout<String??>.size)
    }

    @Test("long and short names, and parts of larger texts, have equal hashes if their bytes are equal")
    func hashes() {
        for count in [0, 1, 14, 15, 16, 31, 64, 300] {
            let text = String(repeating: "n", count: count)
            let part = Substring("\(text)|rest").prefix(count)
            #expect(ChannelName(text) == ChannelName(part))
            #expect(ChannelName(text).hashValue == ChannelName(part).hashValue)
            #expect(ChannelName(text).hashValue == ChannelName(decoding: Array(text.utf8)).hashValue)
        }
    }
}
