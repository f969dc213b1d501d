import PharosBytes
import PharosDomain

/// Reads the bytes of a cursor, each thing in its only form.
struct CursorReader {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        rest = bytes
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() throws(CursorError) -> UInt8 {
        guard let byte = rest.first else { throw .malformed }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
        return byte
    }

    mutating func hash(width: Int) throws(CursorError) -> UInt64 {
        var hash: UInt64 = 0
        for _ in 0..<width { hash = hash << 8 | UInt64(try byte()) }
        return hash
    }

    /// Seven bits in each byte, the lowest first.
    ///
    /// The last byte is not zero unless it is the only one.
    mutating func varint() throws(CursorError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try byte()
            guard shift < 63 || byte <= 1 else { throw .malformed }
            value |= UInt64(byte & 0x7F) << shift
            guard byte >= 0x80 else {
                guard byte != 0 || shift == 0 else { throw .malformed }
                return value
            }
            shift += 7
        }
    }

    /// Six bits for each character; what is left over of the last byte is zero.
    mutating func epoch(characters: Int) throws(CursorError) -> Epoch {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for _ in 0..<characters {
            if count < 6 {
                bits = bits << 8 | UInt32(try byte())
                count += 8
            }
            count -= 6
            text.append(Base64.digit(UInt8(truncatingIfNeeded: bits >> count & 63), .url))
            bits &= 1 << count - 1
        }
        guard bits == 0 else { throw .malformed }
        return Epoch(decoding: text)
    }
}
