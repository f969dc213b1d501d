import PharosEdge
import Testing

/// RFC 7692, section 6: which frames may be compressed, and what becomes of them.
@Suite("frame reader, compressed messages")
struct CompressedFrameTests {
    private static let rsv1: UInt8 = 0x40
    private static let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
    private static let chunks = [0, 1, 2, 3, 5, 7]

    private static func first(_ payload: some Sequence<UInt8>, isFinal: Bool = true, opcode: UInt8 = 1) -> Frame {
        Frame(opcode, Array(payload), isFinal: isFinal, reserved: rsv1)
    }

    private static func compressed(_ message: [UInt8]) -> [UInt8] {
        var compressor = MessageCompressor(level: 1)
        return message.withUnsafeBytes { compressor.compress($0, windowBits: 15).map { Array($0) } ?? [] }
    }

    private func events(_ frames: [Frame], limit: Int = 1_000, chunk: Int = 0) -> [FrameEvent] {
        FrameTranscript(frames, limit: limit, isCompressed: true).events(chunk: chunk)
    }

    @Test("a message in one frame, of either kind, in pieces of any size", arguments: chunks)
    func oneFrame(chunk: Int) {
        #expect(events([Self.first(Self.hello)], chunk: chunk) == [.text("Hello")])
        #expect(events([Self.first(Self.hello, opcode: 2)], chunk: chunk) == [.binary(Array("Hello".utf8))])
        #expect(events([Self.first([0x00])], chunk: chunk) == [.text("")])
        #expect(events([Self.first([])], chunk: chunk) == [.text("")])
    }

    @Test("a message in fragments, with control frames between them", arguments: chunks)
    func fragments(chunk: Int) {
        let frames = [
            Self.first(Self.hello.prefix(3), isFinal: false), Frame(9, "ping"),
            Frame(0, Array(Self.hello[3..<5]), isFinal: false), Frame(0, [], isFinal: false), Frame(10, ""),
            Frame(0, Array(Self.hello[5...])),
        ]
        #expect(events(frames, chunk: chunk) == [.ping("ping"), .pong(""), .text("Hello")])
    }

    @Test("compressed and plain messages may follow one another", arguments: chunks)
    func mixed(chunk: Int) {
        let frames = [
            Frame(1, "plain"), Self.first(Self.hello), Frame(1, "pla", isFinal: false), Frame(0, "in"),
            Self.first(Self.hello.prefix(2), isFinal: false), Frame(0, Array(Self.hello[2...])), Frame(2, [0xFF]),
        ]
        #expect(
            events(frames, chunk: chunk) == [
                .text("plain"), .text("Hello"), .text("plain"), .text("Hello"), .binary([0xFF]),
            ])
    }

    @Test(
        "the reserved bit stands on the first frame of a data message only",
        arguments: [
            [Frame(9, "", reserved: 0x40)], [Frame(10, "", reserved: 0x40)], [Frame(8, [0x03, 0xE8], reserved: 0x40)],
            [first(hello.prefix(3), isFinal: false), Frame(0, Array(hello[3...]), reserved: 0x40)],
            [Frame(1, "a", isFinal: false), Frame(0, "b", reserved: 0x40)],
            [Frame(1, hello, reserved: 0x60)], [Frame(1, hello, reserved: 0x50)], [Frame(1, "a", reserved: 0x20)],
        ] as [[Frame]])
    func reservedBit(frames: [Frame]) {
        for chunk in Self.chunks { #expect(events(frames, chunk: chunk) == [.failure(1002)]) }
    }

    @Test("without an agreement the reserved bit fails with 1002")
    func notAgreed() {
        #expect(FrameTranscript([Self.first(Self.hello)]).events() == [.failure(1002)])
    }

    @Test("text is validated after decompressing, binary is not", arguments: chunks)
    func utf8(chunk: Int) {
        let invalid = [UInt8](repeating: 0x61, count: 50) + [0xFF]
        let payload = Self.compressed(invalid)
        #expect(events([Self.first(payload)], chunk: chunk) == [.failure(1007)])
        #expect(events([Self.first(payload, opcode: 2)], chunk: chunk) == [.binary(invalid)])
        // The compressed bytes are no UTF-8, which does not matter.
        let umlauts = Array(String(repeating: "äöü", count: 30).utf8)
        let frame = Self.first(Self.compressed(umlauts))
        #expect(events([frame], chunk: chunk) == [.text(umlauts)])
    }

    @Test("broken data fails with 1007, and nothing is read behind it", arguments: chunks)
    func broken(chunk: Int) {
        #expect(events([Self.first([0x06, 0xFF]), Frame(1, "a")], chunk: chunk) == [.failure(1007)])
        let frames = [Self.first(Self.hello.prefix(3), isFinal: false), Frame(0, []), Frame(1, "a")]
        #expect(events(frames, chunk: chunk) == [.failure(1007)])
    }

    @Test("decompressed, a message may be as long as any other, and one byte more fails with 1009", arguments: chunks)
    func inflatedLimit(chunk: Int) {
        let message = [UInt8](repeating: 0x20, count: 1_000)
        let fits = Self.first(Self.compressed(message))
        #expect(events([fits], limit: 1_000, chunk: chunk) == [.text(message)])
        let tooLong = Self.first(Self.compressed(message + [0x20]))
        #expect(events([tooLong], limit: 1_000, chunk: chunk) == [.failure(1009)])
    }

    @Test("a bomb fails with 1009, in one frame and in many", arguments: [0, 1_000])
    func bomb(chunk: Int) {
        let payload = Self.compressed([UInt8](repeating: 0, count: 20_000_000))
        #expect(payload.count < 65_536 * 2)
        let half = payload.count / 2
        #expect(events([Self.first(payload)], limit: 131_072, chunk: chunk) == [.failure(1009)])
        let frames = [Self.first(payload[..<half], isFinal: false), Frame(0, Array(payload[half...]))]
        #expect(events(frames, limit: 131_072, chunk: chunk) == [.failure(1009)])
    }

    @Test("the compressed bytes have the limit of any message, fragments together")
    func compressedLimit() {
        let frames = [
            Self.first([UInt8](repeating: 0, count: 60), isFinal: false), Frame(0, [UInt8](repeating: 0, count: 41)),
        ]
        #expect(events(frames, limit: 100) == [.failure(1009)])
        #expect(events([Self.first([UInt8](repeating: 0, count: 101))], limit: 100) == [.failure(1009)])
    }

    @Test("a connection that may be sent compressed messages costs no more when it is idle")
    func idle() {
        #expect(MemoryLayout<FrameReader>.size <= 16)
        var reader = FrameReader()
        reader.acceptCompressed()
        var inflater = MessageInflater()
        var bytes = Self.first(Self.hello).bytes
        bytes.withUnsafeMutableBytes { bytes in
            var input = bytes
            guard case .text = reader.next(&input, limit: 100, inflater: &inflater) else {
                Issue.record("no message")
                return
            }
            guard case .needMore = reader.next(&input, limit: 100, inflater: &inflater) else {
                Issue.record("more than a message")
                return
            }
        }
        #expect(reader.heldBytes == 0)
    }
}
