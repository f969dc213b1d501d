import PharosBytes
import Testing

@Suite("Base64")
struct Base64Tests {
    private static let samples = [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ]

    private func encodeIntoWriter(_ bytes: [UInt8], _ alphabet: Base64.Alphabet = .standard) -> String {
        var writer = ByteWriter()
        writer.append(":")
        bytes.withUnsafeBytes { Base64.encode($0, alphabet, into: &writer) }
        return String(decoding: writer.array.dropFirst(), as: UTF8.self)
    }

    private func decode(_ text: String, _ alphabet: Base64.Alphabet = .standard, room: Int) -> [UInt8]? {
        var output = [UInt8](repeating: 0, count: room)
        let count = Array(text.utf8).withUnsafeBytes { text in
            output.withUnsafeMutableBytes { Base64.decode(text, alphabet, into: $0) }
        }
        return count.map { Array(output[..<$0]) }
    }

    @Test("the vectors of RFC 4648, section 10, both ways", arguments: samples)
    func vectors(plain: String, encoded: String) {
        let bytes = Array(plain.utf8)
        #expect(Base64.encode(bytes) == encoded)
        #expect(encodeIntoWriter(bytes) == encoded)
        #expect(Base64.decode(encoded.utf8) == bytes)
        #expect(decode(encoded, room: 1_024) == bytes)
        let unpadded = String(encoded.prefix { $0 != "=" })
        #expect(Base64.encode(bytes, .url) == unpadded)
        #expect(Base64.decode(unpadded.utf8, .url) == bytes)
    }

    @Test("every length survives the way there and back", arguments: [Base64.Alphabet.standard, .url])
    func everyLength(alphabet: Base64.Alphabet) {
        for count in 0..<300 {
            for factor in [7, 89] {
                let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* factor &+ count) }
                let text = Base64.encode(bytes, alphabet)
                #expect(encodeIntoWriter(bytes, alphabet) == text)
                #expect(Base64.decode(text.utf8, alphabet) == bytes)
                #expect(decode(text, alphabet, room: count) == bytes)
            }
        }
    }

    @Test("every byte value survives at every position", arguments: [Base64.Alphabet.standard, .url])
    func everyByte(alphabet: Base64.Alphabet) {
        for shift in 0..<3 {
            let bytes = [UInt8](repeating: 7, count: shift) + Array(UInt8.min...UInt8.max)
            #expect(Base64.decode(Base64.encode(bytes, alphabet).utf8, alphabet) == bytes)
        }
    }

    @Test("the last two digits are those of the alphabet")
    func lastDigits() {
        #expect(Base64.encode([0xFB, 0xFF, 0xFE]) == "+//+")
        #expect(Base64.encode([0xFB, 0xFF, 0xFE], .url) == "-__-")
    }

    @Test("digits and values are each other's inverse", arguments: [Base64.Alphabet.standard, .url])
    func digits(alphabet: Base64.Alphabet) {
        for value in UInt8(0)..<64 {
            #expect(Base64.value(of: Base64.digit(value, alphabet), alphabet) == value)
        }
        let digits = (UInt8.min...UInt8.max).filter { Base64.value(of: $0, alphabet) != nil }
        #expect(digits.count == 64)
    }

    @Test(
        "the standard alphabet refuses every text that encoding does not write",
        arguments: [
            "A", "AA", "AAA", "A===", "====", "=", "AA=A", "=AAA", "AAAA=", "AA==AAAA", "A-AA", "A_AA", "AA A",
            "AAAA\n",
            "AB==", "AAB=", "é===", "Zg", "Zg=", "Zg===", "Z===", "Zg==Zg==", "Zh==", "Zm9=", "Zm 9", "Zm-_", "-_8=",
            "=Zg=", "Zm9v\n", "Zg=a",
        ])
    func strictStandard(text: String) {
        #expect(Base64.decode(text.utf8) == nil)
        #expect(decode(text, room: 1_024) == nil)
    }

    @Test(
        "the alphabet for URLs refuses every text that encoding does not write",
        arguments: ["A", "AB=", "AA==", "AAB", "AB", "A A", "AA\n", "+/8", "AAAAA", "Ä"])
    func strictURL(text: String) {
        #expect(Base64.decode(text.utf8, .url) == nil)
        #expect(decode(text, .url, room: 1_024) == nil)
    }

    @Test("the parts of an array are decoded like a whole")
    func slices() {
        let text = Array("..Zm9vYg..".utf8)
        #expect(Base64.decode(text[2..<8], .url) == Array("foob".utf8))
        #expect(Base64.decode("x Zm9v".utf8.dropFirst(2)) == Array("foo".utf8))
    }

    @Test("nothing is written beyond the room given")
    func room() {
        #expect(decode("Zm9vYmFy", room: 6) != nil)
        #expect(decode("Zm9vYmFy", room: 5) == nil)
        #expect(decode("Zm9vYg", .url, room: 4) != nil)
        #expect(decode("Zm9vYg", .url, room: 3) == nil)
    }
}
