import PharosProtocol
import Testing

@Suite("Length-prefixed streams")
struct ProtobufDelimitedFrameDecoderTests {
    private func drain(_ decoder: inout DelimitedFrameDecoder) throws(DelimitedFrameError) -> [[UInt8]] {
        var messages: [[UInt8]] = []
        while let message = try decoder.next() { messages.append(message) }
        return messages
    }

    @Test("messages come out whole, however the stream is cut")
    func chunks() throws {
        let messages = [[], [1], [UInt8](repeating: 7, count: 127), [UInt8](repeating: 8, count: 300), [], [9, 9]]
        let stream = messages.flatMap(ProtobufSamples.framed)
        for size in 1...stream.count {
            var decoder = DelimitedFrameDecoder(maximumMessageSize: 300)
            var found: [[UInt8]] = []
            for start in stride(from: 0, to: stream.count, by: size) {
                decoder.feed(stream[start..<min(start + size, stream.count)])
                found += try drain(&decoder)
            }
            #expect(found == messages)
            #expect(decoder.isAtBoundary)
        }
    }

    @Test("a message of exactly the limit passes, one byte more is refused at its prefix")
    func limit() throws {
        var decoder = DelimitedFrameDecoder(maximumMessageSize: 5)
        decoder.feed([5, 1, 2, 3, 4, 5])
        #expect(try decoder.next() == [1, 2, 3, 4, 5])
        decoder.feed([6])
        #expect(throws: DelimitedFrameError.messageTooLong(limit: 5)) { try decoder.next() }
    }

    @Test(
        "a prefix of 2^31 or 2^40 is refused and holds nothing", arguments: [UInt64(1) << 31, 1 << 40, 1 << 62, .max])
    func hugePrefix(length: UInt64) {
        var prefix: [UInt8] = []
        var rest = length
        while rest >= 0x80 {
            prefix.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        prefix.append(UInt8(rest))
        var decoder = DelimitedFrameDecoder(maximumMessageSize: 65_536)
        decoder.feed(prefix)
        #expect(throws: DelimitedFrameError.self) { try decoder.next() }
        #expect(decoder.heldBytes == 0)
    }

    @Test("an unfinished prefix that can only become too long is refused at once")
    func earlyRefusal() {
        var decoder = DelimitedFrameDecoder(maximumMessageSize: 127)
        decoder.feed([0xff, 0xff])
        #expect(throws: DelimitedFrameError.messageTooLong(limit: 127)) { try decoder.next() }
    }

    @Test("over-long and padded prefixes are refused")
    func overlong() {
        for prefix in [[0x81, 0x00], [0x80, 0x00], [UInt8](repeating: 0x80, count: 9), [0x80, 0x80, 0x80, 0x00]] {
            var decoder = DelimitedFrameDecoder(maximumMessageSize: .max)
            decoder.feed(prefix)
            #expect(throws: DelimitedFrameError.malformedLength) { try decoder.next() }
        }
    }

    @Test("an error is final: what follows is neither kept nor decoded")
    func finalError() {
        var decoder = DelimitedFrameDecoder(maximumMessageSize: 10)
        decoder.feed([11])
        #expect(throws: DelimitedFrameError.messageTooLong(limit: 10)) { try decoder.next() }
        decoder.feed([1, 1])
        #expect(decoder.heldBytes == 0)
        #expect(!decoder.isAtBoundary)
        #expect(throws: DelimitedFrameError.messageTooLong(limit: 10)) { try decoder.next() }
    }

    @Test("a stream that ends within a message is known to be cut")
    func cutStream() throws {
        var decoder = DelimitedFrameDecoder(maximumMessageSize: 10)
        decoder.feed([3, 1, 2])
        #expect(try decoder.next() == nil)
        #expect(!decoder.isAtBoundary)
        decoder.feed([3])
        #expect(try decoder.next() == [1, 2, 3])
        #expect(decoder.isAtBoundary)
    }
}
