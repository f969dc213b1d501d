import PharosAuth
import Testing

@Suite("Base64")
struct Base64Tests {
    @Test(
        "every length survives the way there and back in both alphabets", arguments: [Base64.Alphabet.standard, .url])
    func roundTrip(alphabet: Base64.Alphabet) {
        for count in 0...70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 89 &+ count) }
            #expect(Base64.decode(Base64.encode(bytes, alphabet).utf8, alphabet) == bytes)
        }
    }

    @Test("the vectors of RFC 4648 §10")
    func vectors() {
        let vectors = ["": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "foobar": "Zm9vYmFy"]
        for (plain, encoded) in vectors {
            #expect(Base64.encode(Array(plain.utf8), .standard) == encoded)
            #expect(Base64.decode(encoded.utf8, .standard) == Array(plain.utf8))
        }
    }

    @Test(
        "a text that is not the one canonical spelling is refused",
        arguments: ["A", "AB=", "AA==", "AAB", "AB", "A A", "AA\n", "+/8", "AAAAA", "Ä"])
    func strictURL(text: String) {
        #expect(Base64.decode(text.utf8, .url) == nil)
    }

    @Test(
        "the standard alphabet demands its padding",
        arguments: ["Zg", "Zg=", "Zg===", "Zh==", "=", "====", "Z===", "-_8="])
    func strictStandard(text: String) {
        #expect(Base64.decode(text.utf8, .standard) == nil)
    }
}
