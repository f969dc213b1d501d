import PharosEdge
import Testing

/// RFC 6455, rule by rule: frames in, events out.
@Suite("frame reader")
struct FrameReaderTests {
    @Test(
        "whole messages and control frames",
        arguments: [
            ([Frame(1, "Hello")], [.text("Hello")]), ([Frame(1, "")], [.text("")]),
            ([Frame(2, [0, 0xFF])], [.binary([0, 0xFF])]),
            ([Frame(2, [])], [.binary([])]), ([Frame(9, "hi")], [.ping("hi")]), ([Frame(9, "")], [.ping("")]),
            ([Frame(10, "")], [.pong("")]),
            ([Frame(1, "a"), Frame(9, "b"), Frame(1, "c")], [.text("a"), .ping("b"), .text("c")]),
            ([Frame(9, [UInt8](repeating: 7, count: 125))], [.ping([UInt8](repeating: 7, count: 125))]),
        ] as [([Frame], [FrameEvent])])
    func whole(frames: [Frame], events: [FrameEvent]) {
        #expect(FrameTranscript(frames).events() == events)
    }

    @Test(
        "fragments make one message, and control frames may come between them",
        arguments: [
            ([Frame(1, "Hel", isFinal: false), Frame(0, "lo")], [.text("Hello")]),
            ([Frame(1, "", isFinal: false), Frame(0, "", isFinal: false), Frame(0, "")], [.text("")]),
            ([Frame(1, "", isFinal: false), Frame(0, "a", isFinal: false), Frame(0, "")], [.text("a")]),
            (
                [
                    Frame(2, [1], isFinal: false), Frame(9, "p"), Frame(0, [2], isFinal: false), Frame(10, ""),
                    Frame(0, [3]),
                ],
                [.ping("p"), .pong(""), .binary([1, 2, 3])]
            ),
            (
                [
                    Frame(1, "a", isFinal: false), Frame(0, "b"), Frame(2, [9]), Frame(1, "c", isFinal: false),
                    Frame(0, "d"),
                ],
                [.text("ab"), .binary([9]), .text("cd")]
            ),
            ([Frame(1, "a", isFinal: false), Frame(8, [0x03, 0xE8])], [.close(1000, "")]),
        ] as [([Frame], [FrameEvent])])
    func fragments(frames: [Frame], events: [FrameEvent]) {
        #expect(FrameTranscript(frames).events() == events)
    }

    @Test(
        "frames that the protocol does not know fail with 1002",
        arguments: [
            Frame(1, "x", reserved: 0x40), Frame(1, "x", reserved: 0x20), Frame(1, "x", reserved: 0x10),
            Frame(9, "", reserved: 0x70),
            Frame(3, ""), Frame(4, ""), Frame(5, ""), Frame(6, ""), Frame(7, ""), Frame(11, ""), Frame(12, ""),
            Frame(13, ""),
            Frame(14, ""), Frame(15, ""), Frame(1, "x", mask: nil), Frame(9, "", mask: nil),
            Frame(8, "", isFinal: false),
            Frame(9, "", isFinal: false), Frame(10, "", isFinal: false), Frame(9, [UInt8](repeating: 7, count: 126)),
            Frame(8, [0x03, 0xE8] + [UInt8](repeating: 0x61, count: 124)), Frame(0, "x"), Frame(0, "x", isFinal: false),
            Frame(1, "x", lengthForm: .sixteen), Frame(1, "x", lengthForm: .sixtyFour),
            Frame(9, "x", lengthForm: .sixteen),
            Frame(2, [UInt8](repeating: 7, count: 125), lengthForm: .sixteen),
            Frame(2, [UInt8](repeating: 7, count: 65_535), lengthForm: .sixtyFour),
        ])
    func protocolErrors(frame: Frame) {
        #expect(FrameTranscript([Frame(1, "before"), frame]).events() == [.text("before"), .failure(1002)])
    }

    @Test("the shortest lengths of the longer forms are accepted", arguments: [126, 127, 65_535, 65_536, 70_000])
    func longerForms(length: Int) {
        let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        #expect(FrameTranscript([Frame(2, payload)], limit: length).events() == [.binary(payload)])
    }

    @Test("a length with the top bit set fails with 1002, at whatever limit")
    func negativeLength() {
        let header: [UInt8] = [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4]
        #expect(FrameTranscript(header, limit: .max).events() == [.failure(1002)])
    }

    @Test("a new message within a message fails with 1002", arguments: [1, 2] as [UInt8])
    func messageWithinMessage(opcode: UInt8) {
        let frames = [Frame(1, "a", isFinal: false), Frame(opcode, "b")]
        #expect(FrameTranscript(frames).events() == [.failure(1002)])
        let afterwards = [Frame(1, "a", isFinal: false), Frame(0, "b"), Frame(0, "c")]
        #expect(FrameTranscript(afterwards).events() == [.text("ab"), .failure(1002)])
    }

    @Test("a message over the limit fails with 1009 before its payload is there")
    func tooLarge() {
        let header = Array(Frame(1, String(repeating: "x", count: 1_001)).bytes.prefix(8))
        #expect(FrameTranscript(header, limit: 1_000).events() == [.failure(1009)])
        #expect(FrameTranscript([Frame(1, "12345")], limit: 5).events() == [.text("12345")])
        #expect(FrameTranscript([Frame(1, "123456")], limit: 5).events() == [.failure(1009)])
        let huge: [UInt8] = [0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4]
        #expect(FrameTranscript(huge, limit: 1_000).events() == [.failure(1009)])
    }

    @Test("the limit is that of all fragments together, and control frames do not count")
    func tooLargeTogether() {
        let exact = [Frame(1, "123", isFinal: false), Frame(9, "12345678"), Frame(0, "45")]
        #expect(FrameTranscript(exact, limit: 5).events() == [.ping("12345678"), .text("12345")])
        let over = [Frame(1, "123", isFinal: false), Frame(0, "456")]
        #expect(FrameTranscript(over, limit: 5).events() == [.failure(1009)])
        let overflowing =
            Frame(2, [1], isFinal: false).bytes
            + [0x80, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4]
        #expect(FrameTranscript(overflowing, limit: .max).events() == [.failure(1009)])
    }

    @Test("a close frame has no body, or a code and perhaps a reason")
    func close() {
        #expect(FrameTranscript([Frame(8, "")]).events() == [.close(1005, "")])
        #expect(FrameTranscript([Frame(8, [0x0F, 0xA0] + "bye".utf8)]).events() == [.close(4000, "bye")])
        let longest = [UInt8](repeating: 0x61, count: 123)
        #expect(FrameTranscript([Frame(8, [0x03, 0xE8] + longest)]).events() == [.close(1000, longest)])
        #expect(FrameTranscript([Frame(8, [0x03])]).events() == [.failure(1002)])
    }

    @Test(
        "close codes that may be sent",
        arguments: [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999] as [UInt16])
    func goodCloseCodes(code: UInt16) {
        #expect(FrameTranscript([Frame(8, [UInt8(code >> 8), UInt8(code & 0xFF)])]).events() == [.close(code, "")])
    }

    @Test(
        "close codes that may not be sent fail with 1002",
        arguments: [
            0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
        ] as [UInt16])
    func badCloseCodes(code: UInt16) {
        #expect(FrameTranscript([Frame(8, [UInt8(code >> 8), UInt8(code & 0xFF)])]).events() == [.failure(1002)])
    }

    @Test(
        "text and close reasons must be UTF-8, or it fails with 1007",
        arguments: [
            [Frame(1, [0x61, 0xFF])], [Frame(1, [0xCE])], [Frame(1, [0xED, 0xA0, 0x80])],
            [Frame(1, [0x61], isFinal: false), Frame(0, [0xFF])], [Frame(1, [0xCE], isFinal: false), Frame(0, [0x61])],
            [Frame(1, [0xCE], isFinal: false), Frame(0, [])], [Frame(8, [0x03, 0xE8, 0xFF])],
            [Frame(8, [0x03, 0xE8, 0xCE])],
        ])
    func invalidText(frames: [Frame]) {
        #expect(FrameTranscript(frames).events() == [.failure(1007)])
    }

    @Test("a character may be split between fragments, even around a ping")
    func splitCharacter() {
        let bytes = Array("\u{1F600}".utf8)
        let frames = [
            Frame(1, [bytes[0]], isFinal: false), Frame(0, [bytes[1]], isFinal: false), Frame(9, [0xFF]),
            Frame(0, [bytes[2], bytes[3]]),
        ]
        #expect(FrameTranscript(frames).events() == [.ping([0xFF]), .text("\u{1F600}")])
        #expect(
            FrameTranscript([Frame(2, [0xFF], isFinal: false), Frame(0, [0xFE])]).events() == [.binary([0xFF, 0xFE])])
    }

    @Test("invalid text fails as soon as its first wrong byte is there, not at the end of the frame")
    func failsFast() {
        let bytes = Frame(1, Array("good \u{e9} ".utf8) + [0xF4, 0x90] + [UInt8](repeating: 0x61, count: 50)).bytes
        let wrongAt = 6 + 8 + 2
        #expect(FrameTranscript(Array(bytes[..<(wrongAt - 1)])).events() == [])
        #expect(FrameTranscript(Array(bytes[..<wrongAt])).events() == [.failure(1007)])
        let fragmented = Frame(1, "good", isFinal: false).bytes + bytes.map { $0 }
        #expect(FrameTranscript(fragmented).events() == [.failure(1002)])
    }

    @Test("after a close frame or a failure nothing more is read")
    func nothingAfterwards() {
        let after = Frame(1, "ignored")
        #expect(FrameTranscript([Frame(8, ""), after, Frame(9, "")]).events() == [.close(1005, "")])
        #expect(FrameTranscript([Frame(3, ""), after]).events() == [.failure(1002)])
    }

    @Test("a client's reader takes unmasked frames and refuses masked ones")
    func clientMode() {
        #expect(FrameTranscript([Frame(1, "a", mask: nil)], expectsMask: false).events() == [.text("a")])
        let fragments = [Frame(1, "a", isFinal: false, mask: nil), Frame(0, "b", mask: nil)]
        #expect(FrameTranscript(fragments, expectsMask: false).events(chunk: 1) == [.text("ab")])
        #expect(FrameTranscript([Frame(1, "a")], expectsMask: false).events() == [.failure(1002)])
    }
}
