import PharosEdge
import PharosTestKit
import Testing

@Suite("compressing a message")
struct MessageCompressorTests {
    private static let sizes = [100, 511, 512, 513, 4_095, 4_096, 32_767, 32_768, 32_769, 65_535, 300_000]

    /// Text of few words: compresses as messages do.
    private func text(_ count: Int) -> [UInt8] {
        var random = SeededGenerator(seed: UInt64(count))
        var bytes: [UInt8] = []
        while bytes.count < count {
            bytes += Array("{\"price\":\(Int.random(in: 0...9_999, using: &random)),\"pair\":\"EURUSD\"},".utf8)
        }
        return Array(bytes.prefix(count))
    }

    private func noise(_ count: Int) -> [UInt8] {
        var random = SeededGenerator(seed: UInt64(count))
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }

    private func compress(
        _ message: [UInt8], windowBits: UInt8 = 15, _ compressor: inout MessageCompressor
    ) -> [UInt8]? {
        message.withUnsafeBytes { compressor.compress($0, windowBits: windowBits).map { Array($0) } }
    }

    private func inflate(_ payload: [UInt8], limit: Int) -> [UInt8]? {
        var inflater = MessageInflater()
        return payload.withUnsafeBytes { bytes in
            guard case .message(let message) = inflater.inflate(bytes, limit: limit) else { return nil }
            return Array(message)
        }
    }

    @Test("what is compressed comes back, for every window and size", arguments: MessageCompressor.windowBits, sizes)
    func back(windowBits: UInt8, size: Int) throws {
        var compressor = MessageCompressor(level: 1)
        let message = text(size)
        let payload = try #require(compress(message, windowBits: windowBits, &compressor))
        #expect(payload.count < message.count)
        #expect(inflate(payload, limit: size) == message)
    }

    @Test("every level can be read", arguments: 1...9)
    func levels(level: Int) throws {
        var compressor = MessageCompressor(level: level)
        let message = text(10_000)
        let payload = try #require(compress(message, &compressor))
        #expect(inflate(payload, limit: 10_000) == message)
    }

    @Test("the same message is the same bytes whatever came before, so all connections can share them")
    func independent() {
        var compressor = MessageCompressor(level: 1)
        let first = compress(text(1_000), &compressor)
        _ = compress(text(5_000), &compressor)
        _ = compress(text(700), windowBits: 10, &compressor)
        #expect(compress(text(1_000), &compressor) == first)
    }

    @Test("the tail of RFC 7692, section 7.2.1, is left out")
    func tail() throws {
        var compressor = MessageCompressor(level: 1)
        let payload = try #require(compress(text(1_000), &compressor))
        #expect(payload.suffix(4) != [0x00, 0x00, 0xFF, 0xFF])
        // The reader puts it back.
        #expect(inflate(payload, limit: 1_000) == text(1_000))
    }

    @Test("what would not become shorter is left as it is", arguments: [0, 1, 5, 100, 65_536, 200_000])
    func incompressible(size: Int) {
        var compressor = MessageCompressor(level: 1)
        #expect(compress(noise(size), &compressor) == nil)
    }

    @Test("nothing refers further back than the window that was agreed on")
    func window() throws {
        var compressor = MessageCompressor(level: 9)
        let half = noise(4_000)
        // The second half can only be shortened by a reference 4,000 bytes back.
        #expect(compress(half + half, windowBits: 11, &compressor) == nil)
        let payload = try #require(compress(half + half, windowBits: 13, &compressor))
        #expect(payload.count < 4_200)
    }
}
