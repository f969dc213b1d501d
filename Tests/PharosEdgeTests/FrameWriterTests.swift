import PharosBytes
import PharosEdge
import Testing

@Suite("frame writer")
struct FrameWriterTests {
    private func written(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
        var writer = ByteWriter()
        body(&writer)
        return writer.array
    }

    @Test(
        "lengths take their shortest form",
        arguments: [
            (0, [0x81, 0]), (125, [0x81, 125]), (126, [0x81, 126, 0, 126]), (0xFFFF, [0x81, 126, 0xFF, 0xFF]),
            (0x10000, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (0x1_2345_6789, [0x81, 127, 0, 0, 0, 1, 0x23, 0x45, 0x67, 0x89]),
        ] as [(Int, [UInt8])])
    func headers(length: Int, expected: [UInt8]) {
        #expect(written { FrameWriter.appendHeader(opcode: 1, length: length, into: &$0) } == expected)
        #expect(FrameWriter.headerSize(for: length) == expected.count)
        var direct = [UInt8](repeating: 0, count: FrameWriter.headerLimit)
        let size = direct.withUnsafeMutableBufferPointer { target in
            target.baseAddress.map { FrameWriter.writeHeader(opcode: 1, length: length, to: $0) }
        }
        #expect(size == expected.count)
        #expect(direct[..<expected.count] == expected[...])
    }

    @Test("a close frame has the code and the reason")
    func close() {
        #expect(
            written { FrameWriter.appendClose(code: 3501, reason: "bad", into: &$0) } == [0x88, 5, 0x0D, 0xAD]
                + "bad".utf8)
        #expect(written { FrameWriter.appendClose(code: 1000, reason: "", into: &$0) } == [0x88, 2, 0x03, 0xE8])
        #expect(written { FrameWriter.appendClose(code: 1005, reason: "not sent", into: &$0) } == [0x88, 0])
    }

    @Test(
        "a long reason is cut between two characters",
        arguments: [
            (String(repeating: "a", count: 123), 123), (String(repeating: "a", count: 124), 123),
            (String(repeating: "\u{e9}", count: 62), 122), (String(repeating: "a", count: 122) + "\u{1F600}", 122),
            (String(repeating: "a", count: 119) + "\u{1F600}", 123), (String(repeating: "\u{1F600}", count: 40), 120),
        ])
    func reasonCut(reason: String, kept: Int) {
        let frame = written { FrameWriter.appendClose(code: 3000, reason: reason, into: &$0) }
        #expect(frame.count == 4 + kept)
        #expect(frame[1] == UInt8(2 + kept))
        #expect(String(validating: frame[4...], as: UTF8.self).map(reason.hasPrefix) == true)
    }

    @Test("the masked example of RFC 6455, section 5.7")
    func masked() {
        let frame = written { writer in
            Array("Hello".utf8).withUnsafeBytes {
                FrameWriter.appendMasked(opcode: 1, payload: $0, mask: 0x37FA_213D, into: &writer)
            }
        }
        #expect(frame == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
    }

    @Test("masked close frames carry code and reason")
    func maskedClose() {
        let frame = written { FrameWriter.appendMaskedClose(code: 1000, reason: "x", mask: 0x0102_0304, into: &$0) }
        #expect(frame == [0x88, 0x83, 1, 2, 3, 4, 0x03 ^ 1, 0xE8 ^ 2, UInt8(ascii: "x") ^ 3])
    }
}
