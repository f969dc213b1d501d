import PharosEdge
import Testing

@Suite("SHA-1")
struct SHA1Tests {
    private func hex(_ text: String) -> String {
        Array(text.utf8).withUnsafeBytes { bytes in
            SHA1.digest(of: bytes).withBytes { digest in
                digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
            }
        }
    }

    @Test(
        "the vectors of RFC 3174",
        arguments: [
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ])
    func vectors(text: String, digest: String) {
        #expect(hex(text) == digest)
    }

    @Test("long input, in whole blocks")
    func long() {
        #expect(hex(String(repeating: "a", count: 1_000_000)) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f")
        let eighths = String(repeating: "0123456701234567012345670123456701234567012345670123456701234567", count: 10)
        #expect(hex(eighths) == "dea356a2cddd90c7a7ecedc5ebb563934f460452")
    }

    @Test(
        "the padding is right on both sides of a block's end",
        arguments: [
            (55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"), (56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"),
            (63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"), (64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
            (65, "11655326c708d70319be2610e8a57d9a5b959d3b"),
        ])
    func padding(count: Int, digest: String) {
        #expect(hex(String(repeating: "a", count: count)) == digest)
    }
}
