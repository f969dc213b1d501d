import PharosEdge
import PharosTestKit
import Testing

@Suite("decompressing a message")
struct MessageInflaterTests {
    private enum Outcome: Equatable {
        case message([UInt8])
        case failure(UInt16)

        static func text(_ text: String) -> Outcome { .message(Array(text.utf8)) }
    }

    private func inflate(_ payload: [UInt8], limit: Int = 1_000) -> Outcome {
        var inflater = MessageInflater()
        return inflate(payload, limit: limit, &inflater)
    }

    private func inflate(_ payload: [UInt8], limit: Int, _ inflater: inout MessageInflater) -> Outcome {
        payload.withUnsafeBytes { bytes in
            switch inflater.inflate(bytes, limit: limit) {
            case .message(let message): .message(Array(message))
            case .failure(let code): .failure(code)
            }
        }
    }

    @Test(
        "the examples of RFC 7692, section 7.2.3",
        arguments: [
            [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
            [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
            [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
        ] as [[UInt8]])
    func examples(payload: [UInt8]) {
        #expect(inflate(payload) == .text("Hello"))
    }

    @Test("an empty message is one byte, and none at all is taken for it")
    func empty() {
        #expect(inflate([0x00]) == .text(""))
        #expect(inflate([]) == .text(""))
    }

    @Test("a message that refers to an earlier one is broken, since no context is taken over")
    func takeover() {
        var inflater = MessageInflater()
        let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        #expect(inflate(hello, limit: 100, &inflater) == .text("Hello"))
        #expect(inflate([0xF2, 0x00, 0x11, 0x00, 0x00], limit: 100, &inflater) == .failure(1007))
        #expect(inflate(hello, limit: 100, &inflater) == .text("Hello"))
    }

    @Test("a message that ends with a last block is whole with and without the byte behind it")
    func lastBlock() {
        let finished: [UInt8] = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        #expect(inflate(finished) == .text("Hello"))
        #expect(inflate(finished + finished + [0x00]) == .text("HelloHello"))
    }

    @Test("a message that was cut off is broken", arguments: 1..<7)
    func cutOff(count: Int) {
        let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        #expect(inflate(Array(hello.prefix(count))) == .failure(1007))
    }

    @Test(
        "what is no DEFLATE data is broken",
        arguments: [
            [0x06], [0x07], [0x00, 0x05, 0x00, 0x00, 0x00], [0xFF, 0xFF, 0xFF, 0xFF], [0x01, 0x05],
            [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00, 0xFF, 0xFE],
        ] as [[UInt8]])
    func broken(payload: [UInt8]) {
        #expect(inflate(payload) == .failure(1007))
    }

    @Test("random bytes end in some outcome, and leave the inflater in order", arguments: 0..<200 as Range<UInt64>)
    func garbage(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var inflater = MessageInflater()
        for _ in 0..<20 {
            let payload = (0..<Int.random(in: 1...200, using: &random)).map { _ in
                UInt8.random(in: .min ... .max, using: &random)
            }
            if case .message(let message) = inflate(payload, limit: 500, &inflater) { #expect(message.count <= 500) }
        }
        #expect(inflate([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], limit: 5, &inflater) == .text("Hello"))
    }

    @Test("a message may fill the limit to the byte", arguments: [100, 4_095, 4_096, 4_097, 655_360])
    func limit(count: Int) throws {
        let message = [UInt8](repeating: 0x61, count: count)
        let payload = try #require(compressed(message))
        #expect(inflate(payload, limit: count) == .message(message))
        #expect(inflate(payload, limit: count - 1) == .failure(1009))
    }

    @Test("the limit holds from the first byte on")
    func shortLimit() {
        #expect(inflate([0x4A, 0x04, 0x00], limit: 1) == .text("a"))
        #expect(inflate([0x4A, 0x04, 0x00], limit: 0) == .failure(1009))
        #expect(inflate([0x00], limit: 0) == .text(""))
    }

    @Test("a bomb of a thousand to one is stopped at the limit")
    func bomb() throws {
        let payload = try #require(compressed([UInt8](repeating: 0, count: 10_000_000)))
        #expect(payload.count < 50_000)
        #expect(inflate(payload, limit: 655_360) == .failure(1009))
    }

    @Test("a flood of blocks without content comes to an end")
    func emptyBlocks() {
        // Of 65,536 bytes as many blocks as possible: each says that it is the last one.
        let blocks = [UInt8](repeating: 0, count: 65_536).indices.map { $0 % 2 == 0 ? UInt8(0x03) : 0x00 }
        #expect(inflate(blocks, limit: 10) == .message([]))
    }

    private func compressed(_ message: [UInt8]) -> [UInt8]? {
        var compressor = MessageCompressor(level: 1)
        return message.withUnsafeBytes { compressor.compress($0, windowBits: 15).map { Array($0) } }
    }
}
