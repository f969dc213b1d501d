package import PharosBytes

/// Bytes of a payload as a JSON string.
extension ByteWriter {
    /// Appends `bytes` as a JSON string (RFC 8259, section 7), if they are UTF-8.
    ///
    /// - Parameter escapesMarkup: also write `<`, `>` and `&` as escapes, for text that may end up inside a page.
    /// - Returns: false, with nothing written, if `bytes` are not UTF-8.
    package mutating func appendJSONString(_ bytes: [UInt8], escapesMarkup: Bool = false) -> Bool {
        bytes.withUnsafeBytes { appendJSONString($0, escapesMarkup: escapesMarkup) }
    }

    /// The same for bytes in place.
    package mutating func appendJSONString(_ bytes: UnsafeRawBufferPointer, escapesMarkup: Bool = false) -> Bool {
        guard bytes.isUTF8 else { return false }
        reserve(bytes.count + 2)
        append(UInt8(ascii: "\""))
        var start = 0
        for index in 0..<bytes.count where JSONEscapes.isNeeded(bytes[index], escapesMarkup) {
            append(UnsafeRawBufferPointer(rebasing: bytes[start..<index]))
            appendJSONEscape(of: bytes[index])
            start = index + 1
        }
        append(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        append(UInt8(ascii: "\""))
        return true
    }

    private mutating func appendJSONEscape(of byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0D: append(UInt8(ascii: "r"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        default:
            jsonLiteral("u00")
            append(UInt8(ascii: "0") + byte >> 4)
            let low = byte & 0x0F
            append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        }
    }
}

private enum JSONEscapes {
    @inline(__always)
    static func isNeeded(_ byte: UInt8, _ escapesMarkup: Bool) -> Bool {
        switch byte {
        case 0..<0x20, UInt8(ascii: "\""), UInt8(ascii: "\\"): true
        case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"): escapesMarkup
        default: false
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether these bytes are whole characters of UTF-8 (RFC 3629). Nothing is copied.
    var isUTF8: Bool {
        (try? UTF8Span(validating: assumingMemoryBound(to: UInt8.self).span)) != nil
    }
}
