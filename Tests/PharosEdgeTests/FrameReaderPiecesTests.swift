import PharosEdge
import PharosTestKit
import Testing

/// However the bytes are cut, the events are the same.
///
/// No more memory is held than arrived.
@Suite("frame reader, in pieces")
struct FrameReaderPiecesTests {
    private static let conversation = [
        Frame(1, "Hello \u{e9}\u{1F600}"), Frame(9, "ping"), Frame(1, "frag", isFinal: false), Frame(10, "pong"),
        Frame(0, "ment\u{e9}", isFinal: false), Frame(9, ""), Frame(0, ""), Frame(2, (0..<200).map { UInt8($0) }),
        Frame(1, ""),
        Frame(8, [0x03, 0xE8] + "bye".utf8),
    ]

    @Test("GO-8: a frame that is delivered byte by byte is accepted")
    func byteByByte() {
        #expect(FrameTranscript([Frame(1, "Hello")]).events(chunk: 1) == [.text("Hello")])
        let transcript = FrameTranscript(Self.conversation)
        #expect(transcript.events(chunk: 1) == transcript.events())
        #expect(transcript.events().count == 8)
    }

    @Test("GO-8: a conversation cut in two at any place is the same conversation")
    func cutAnywhere() {
        let transcript = FrameTranscript(Self.conversation)
        let whole = transcript.events()
        for cut in 1..<transcript.bytes.count {
            #expect(transcript.events(cuts: [cut]) == whole, "cut at \(cut)")
        }
    }

    @Test(
        "failures are the same wherever the bytes are cut",
        arguments: [
            [Frame(1, "a", reserved: 0x40)], [Frame(3, "")], [Frame(1, "a", mask: nil)], [Frame(9, "", isFinal: false)],
            [Frame(1, "abc", lengthForm: .sixteen)], [Frame(1, "abc", lengthForm: .sixtyFour)], [Frame(8, [1])],
            [Frame(8, [0x03, 0xED])], [Frame(8, [0x03, 0xE8, 0xFF])],
            [Frame(1, [0x61, 0xC3], isFinal: false), Frame(0, [0x28])],
            [Frame(1, [0x61, 0xC3])], [Frame(1, "a", isFinal: false), Frame(1, "b")],
            [Frame(2, [UInt8](repeating: 1, count: 65))],
            [Frame(2, [UInt8](repeating: 1, count: 40), isFinal: false), Frame(0, [UInt8](repeating: 1, count: 25))],
        ])
    func failuresInPieces(frames: [Frame]) {
        let transcript = FrameTranscript([Frame(1, "before")] + frames + [Frame(1, "after")], limit: 64)
        let whole = transcript.events()
        #expect(whole.count == 2)
        for cut in 1..<transcript.bytes.count { #expect(transcript.events(cuts: [cut]) == whole, "cut at \(cut)") }
        #expect(transcript.events(chunk: 1) == whole)
    }

    @Test("masks are applied rightly at every length and every phase")
    func masking() {
        for length in 0..<40 {
            let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            let transcript = FrameTranscript([Frame(2, payload, mask: 0x0180_FF7E)])
            for chunk in 0..<12 {
                #expect(transcript.events(chunk: chunk) == [.binary(payload)], "\(length) by \(chunk)")
            }
        }
    }

    @Test(
        "random conversations, fragmented and cut at random, arrive as they were meant",
        arguments: 0..<200 as Range<UInt64>)
    func random(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var frames: [Frame] = []
        var expected: [FrameEvent] = []
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            addMessage(to: &frames, &expected, using: &random)
        }
        let transcript = FrameTranscript(frames, limit: 4_000)
        let cuts = (0..<Int.random(in: 0...30, using: &random))
            .map { _ in Int.random(in: 0...transcript.bytes.count, using: &random) }.sorted()
        #expect(transcript.events(cuts: cuts) == expected)
    }

    /// A message of random kind, size and fragmentation.
    ///
    /// Control frames come in between.
    private func addMessage(
        to frames: inout [Frame], _ expected: inout [FrameEvent], using random: inout SeededGenerator
    ) {
        let isText = Bool.random(using: &random)
        let count = Int.random(in: 0...[5, 130, 1_000].randomElement(using: &random)!, using: &random)
        let alphabet = ["a", "z", "\u{e9}", "\u{20AC}", "\u{1F600}"]
        let payload: [UInt8] =
            isText
            ? (0..<count).flatMap { _ in Array(alphabet.randomElement(using: &random)!.utf8) }
            : (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let cuts = (0..<Int.random(in: 0...4, using: &random))
            .map { _ in Int.random(in: 0...payload.count, using: &random) }.sorted()
        for (index, (start, end)) in zip([0] + cuts, cuts + [payload.count]).enumerated() {
            frames.append(
                Frame(
                    index > 0 ? 0 : isText ? 1 : 2, Array(payload[start..<end]), isFinal: index == cuts.count,
                    mask: UInt32.random(in: .min ... .max, using: &random)))
            guard index < cuts.count, Int.random(in: 0..<3, using: &random) == 0 else { continue }
            let ping = (0..<Int.random(in: 0...125, using: &random)).map { UInt8($0) }
            frames.append(Frame(9, ping))
            expected.append(.ping(ping))
        }
        expected.append(isText ? .text(payload) : .binary(payload))
    }

    @Test("random garbage gives at most one failure and never a crash", arguments: 0..<100 as Range<UInt64>)
    func garbage(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes = FrameTranscript(Self.conversation).bytes
        for _ in 0..<Int.random(in: 1...10, using: &random) {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
        }
        let transcript = FrameTranscript(bytes, limit: 1_000)
        #expect(transcript.events(chunk: 1) == transcript.events())
    }
}

/// The memory that a reader takes.
@Suite("frame reader, memory")
struct FrameReaderMemoryTests {
    private func read(_ reader: inout FrameReader, _ bytes: [UInt8], limit: Int = 1_000_000) -> Int {
        var bytes = bytes
        var events = 0
        bytes.withUnsafeMutableBytes { bytes in
            var input = bytes
            while true {
                if case .needMore = reader.next(&input, limit: limit) { break }
                events += 1
            }
        }
        return events
    }

    @Test("an idle reader is small and holds nothing")
    func idle() {
        #expect(MemoryLayout<FrameReader>.size <= 40)
        var reader = FrameReader()
        #expect(reader.heldBytes == 0)
        #expect(read(&reader, Frame(1, "a").bytes + Frame(9, "b").bytes) == 2)
        #expect(reader.heldBytes == 0)
    }

    @Test("a message in pieces leaves nothing behind")
    func piecesFreed() {
        var reader = FrameReader()
        let bytes = Frame(1, "Hel", isFinal: false).bytes + Frame(0, "lo").bytes
        #expect(read(&reader, Array(bytes.prefix(1))) == 0)
        #expect(reader.heldBytes > 0)
        #expect(read(&reader, Array(bytes.dropFirst(1))) == 1)
        #expect(reader.heldBytes == 0)
        let ping = Frame(9, "ping").bytes
        #expect(read(&reader, Array(ping.prefix(8))) + read(&reader, Array(ping.dropFirst(8))) == 1)
        #expect(reader.heldBytes == 0)
    }

    @Test("memory follows what arrived, not what was announced")
    func announcedOnly() {
        var reader = FrameReader()
        let bytes = Frame(2, [UInt8](repeating: 1, count: 900_000)).bytes
        #expect(read(&reader, Array(bytes.prefix(14))) == 0)
        #expect(reader.heldBytes < 300)
        #expect(read(&reader, Array(bytes[14..<10_014])) == 0)
        #expect(reader.heldBytes < 20_500)
        reader.release()
        #expect(reader.heldBytes == 0)
    }

    @Test("fragments without content cost nothing, however many")
    func emptyFragments() {
        var reader = FrameReader()
        #expect(read(&reader, Frame(1, "", isFinal: false).bytes) == 0)
        let held = reader.heldBytes
        for _ in 0..<1_000 { #expect(read(&reader, Frame(0, "", isFinal: false).bytes) == 0) }
        #expect(reader.heldBytes == held)
        #expect(read(&reader, Frame(0, "").bytes) == 1)
        #expect(reader.heldBytes == 0)
    }

    @Test("a failure frees everything, and a released reader is as new")
    func released() {
        var reader = FrameReader()
        #expect(read(&reader, Frame(1, "a", isFinal: false).bytes + Frame(1, "b").bytes) == 1)
        #expect(reader.heldBytes == 0)
        #expect(read(&reader, Frame(1, "ignored").bytes) == 0)
        reader.release()
        #expect(read(&reader, Frame(1, "read").bytes) == 1)
        #expect(read(&reader, Frame(1, "half", isFinal: false).bytes) == 0)
        reader.release()
        #expect(read(&reader, Frame(1, "new").bytes) == 1)
        reader.release()
    }
}
