extension FrameReader {
    /// The header of one frame (RFC 6455, section 5.2).
    struct Header: BitwiseCopyable {
        enum Parsed {
            case incomplete
            case invalid
            case complete(Header)
        }

        /// The longest header: two bytes, eight of length, four of mask.
        static let sizeLimit = 14

        var opcode: UInt8
        var isFinal: Bool
        /// RSV1: the message that begins here is compressed (RFC 7692, section 6).
        var isCompressed: Bool
        /// The first byte on the wire is the least significant; 0 if there is no mask.
        var mask: UInt32
        /// Bytes of payload.
        var length: Int
        /// Bytes of the header itself.
        var size: Int

        var isControl: Bool { opcode & 0x8 != 0 }

        /// Reads the header at the start of `bytes`.
        ///
        /// An error in the header itself is found as early as it can be.
        static func parse(
            _ bytes: UnsafeRawBufferPointer, expectsMask: Bool, acceptsCompressed: Bool
        ) -> Parsed {
            guard bytes.count >= 1 else { return .incomplete }
            let opcode = bytes[0] & 0x0F
            let isFinal = bytes[0] & 0x80 != 0
            switch opcode {
            case 0x0, 0x1, 0x2: break
            case 0x8, 0x9, 0xA: guard isFinal else { return .invalid }
            default: return .invalid
            }
            // The reserved bits belong to extensions. Only one is ever agreed on, and its bit stands on the first frame
            // of a message, never on continuations and control frames.
            let isCompressed = bytes[0] & 0x40 != 0
            guard bytes[0] & 0x30 == 0, !isCompressed || acceptsCompressed && (opcode == 1 || opcode == 2) else {
                return .invalid
            }
            guard bytes.count >= 2 else { return .incomplete }
            let isMasked = bytes[1] & 0x80 != 0
            let short = Int(bytes[1] & 0x7F)
            guard isMasked == expectsMask, opcode < 0x8 || short <= FrameWriter.controlLimit else { return .invalid }
            guard let (length, lengthEnd) = length(bytes, short: short) else { return .incomplete }
            guard length >= 0 else { return .invalid }
            let size = lengthEnd + (isMasked ? 4 : 0)
            guard bytes.count >= size else { return .incomplete }
            let mask = isMasked ? bytes.loadUnaligned(fromByteOffset: lengthEnd, as: UInt32.self) : 0
            return .complete(
                Header(
                    opcode: opcode, isFinal: isFinal, isCompressed: isCompressed, mask: UInt32(littleEndian: mask),
                    length: length, size: size))
        }

        /// The payload's length and where it ends in the header.
        ///
        /// nil: bytes are missing; -1: the length is not in its shortest form.
        private static func length(_ bytes: UnsafeRawBufferPointer, short: Int) -> (length: Int, end: Int)? {
            switch short {
            case 126:
                guard bytes.count >= 4 else { return nil }
                let length = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
                return (length < 126 ? -1 : Int(length), 4)
            case 127:
                guard bytes.count >= 10 else { return nil }
                let length = Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: Int64.self))
                // With the top bit set the number is negative, so one comparison refuses both mistakes.
                return (length <= 0xFFFF ? -1 : Int(length), 10)
            default:
                return (short, 2)
            }
        }
    }
}
