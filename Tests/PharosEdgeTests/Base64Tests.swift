import PharosBytes
import PharosEdge
import Testing

@Suite("base64")
struct Base64Tests {
    private static let samples = [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ]

    private func encode(_ bytes: [UInt8]) -> String {
        var writer = ByteWriter()
        bytes.withUnsafeBytes { Base64.appendEncoded($0, into: &writer) }
        return String(decoding: writer.array, as: UTF8.self)
    }

    private func decode(_ text: String, room: Int = 1_024) -> [UInt8]? {
        var output = [UInt8](repeating: 0, count: room)
        let count = Array(text.utf8).withUnsafeBytes { text in
            output.withUnsafeMutableBytes { Base64.decode(text, into: $0) }
        }
        return count.map { Array(output[..<$0]) }
    }

    @Test("the vectors of RFC 4648, both ways", arguments: samples)
    func vectors(plain: String, encoded: String) {
        #expect(encode(Array(plain.utf8)) == encoded)
        #expect(decode(encoded) == Array(plain.utf8))
    }

    @Test("every byte value survives in every place")
    func allBytes() {
        for shift in 0..<3 {
            let bytes = [UInt8](repeating: 7, count: shift) + Array(UInt8.min...UInt8.max)
            #expect(decode(encode(bytes)) == bytes)
        }
        #expect(encode([0xFB, 0xFF, 0xFE]) == "+//+")
    }

    @Test(
        "what is not exactly base64 is refused",
        arguments: [
            "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zh==", "Zm9=", "Zm 9", "Zm-_", "=Zg=", "Zm9v\n", "Zg=a",
        ])
    func strict(text: String) {
        #expect(decode(text) == nil)
    }

    @Test("nothing is written beyond the room given")
    func room() {
        #expect(decode("Zm9vYmFy", room: 6) != nil)
        #expect(decode("Zm9vYmFy", room: 5) == nil)
    }
}
