import PharosBytes
import PharosEdge

extension ParserProperties {
    /// Frames after permessage-deflate was agreed on.
    ///
    /// They say the same whole and in pieces, no message becomes longer than the limit, and each comes back when it is
    /// compressed again, for whatever window.
    ///
    /// The first byte says where the input is cut, the second is the limit of a message, in steps of 16.
    package static func compressedFrames(_ input: UnsafeRawBufferPointer) -> String? {
        guard input.count > 2 else { return nil }
        let limit = (Int(input[1]) + 1) * 16
        let stream = Array(input[2...])
        let cut = Int(input[0]) % (stream.count + 1)
        let whole = events([stream], expectsMask: true, limit: limit, isCompressed: true)
        let pieces = [Array(stream[..<cut]), Array(stream[cut...])]
        guard events(pieces, expectsMask: true, limit: limit, isCompressed: true) == whole else {
            return "cut frames say something else"
        }
        guard events(stream.map { [$0] }, expectsMask: true, limit: limit, isCompressed: true) == whole else {
            return "frames byte by byte say something else"
        }
        // A ping may be longer than a small limit of messages.
        guard whole.allSatisfy({ $0.size <= max(limit, 125) }) else { return "a message beyond the limit" }
        if let violation = discarded(stream, from: cut, limit: limit, isCompressed: true, whole: whole) {
            return violation
        }
        var compressor = MessageCompressor(level: 1)
        var inflater = MessageInflater()
        for event in whole {
            guard case .data(_, let message) = event else { continue }
            for windowBits in MessageCompressor.windowBits {
                guard comesBack(message, windowBits: windowBits, &compressor, &inflater) else {
                    return "a message changed on the way"
                }
            }
        }
        return nil
    }

    private static func comesBack(
        _ message: [UInt8], windowBits: UInt8, _ compressor: inout MessageCompressor, _ inflater: inout MessageInflater
    ) -> Bool {
        message.withUnsafeBytes { bytes in
            guard let compressed = compressor.compress(bytes, windowBits: windowBits) else { return true }
            guard case .message(let back) = inflater.inflate(compressed, limit: bytes.count) else { return false }
            return back.elementsEqual(bytes)
        }
    }
}
