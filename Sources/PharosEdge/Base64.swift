package import PharosBytes

/// Base64 with the standard alphabet and padding (RFC 4648, section 4).
package enum Base64 {
    package static func appendEncoded(_ bytes: UnsafeRawBufferPointer, into writer: inout ByteWriter) {
        writer.reserve((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let available = min(3, bytes.count - start)
            var group = UInt32(bytes[start]) << 16
            if available > 1 { group |= UInt32(bytes[start + 1]) << 8 }
            if available > 2 { group |= UInt32(bytes[start + 2]) }
            writer.append(character(group >> 18))
            writer.append(character(group >> 12))
            writer.append(available > 1 ? character(group >> 6) : UInt8(ascii: "="))
            writer.append(available > 2 ? character(group) : UInt8(ascii: "="))
        }
    }

    /// Decodes strictly: padding required, no other characters, no bits set that the padding cuts off.
    ///
    /// - Returns: the number of bytes written to `output`; nil if `text` is not such base64 or does not fit.
    package static func decode(
        _ text: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) -> Int? {
        guard text.count.isMultiple(of: 4) else { return nil }
        var count = 0
        for start in stride(from: 0, to: text.count, by: 4) {
            var padding = 0
            if start + 4 == text.count, text[start + 3] == UInt8(ascii: "=") {
                padding = text[start + 2] == UInt8(ascii: "=") ? 2 : 1
            }
            var group: UInt32 = 0
            for index in start..<start + 4 - padding {
                guard let value = value(of: text[index]) else { return nil }
                group = group << 6 | value
            }
            group <<= UInt32(6 * padding)
            let bytes = 3 - padding
            let cutOff = group & (0xFF_FFFF >> UInt32(8 * bytes))
            guard cutOff == 0 || padding == 0, count + bytes <= output.count else { return nil }
            for index in 0..<bytes {
                output[count] = UInt8(truncatingIfNeeded: group >> UInt32(16 - 8 * index))
                count += 1
            }
        }
        return count
    }

    private static func character(_ value: UInt32) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: value & 63)
        return switch value {
        case 0..<26: UInt8(ascii: "A") + value
        case 26..<52: UInt8(ascii: "a") + value - 26
        case 52..<62: UInt8(ascii: "0") + value - 52
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
