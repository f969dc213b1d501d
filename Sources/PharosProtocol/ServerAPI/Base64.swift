/// Base64 with the standard alphabet and padding (RFC 4648, section 4), strictly: one text per run of bytes.
package enum Base64 {
    /// The bytes that `text` stands for.
    ///
    /// - Returns: nil for missing padding, foreign characters (line breaks too) and unused bits that are not zero.
    package static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        guard !text.isEmpty else { return [] }
        let padding = text[text.count - 1] != pad ? 0 : text[text.count - 2] != pad ? 1 : 2
        var isValid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { output, count in
            let groups = text.count / 4
            for group in 0..<groups {
                let digits = group == groups - 1 ? 4 - padding : 4
                var bits: UInt32 = 0
                for index in 0..<4 {
                    let digit = index < digits ? value(text[group * 4 + index]) : 0
                    isValid = isValid && digit < 64
                    bits = bits << 6 | digit
                }
                for index in 0..<(digits - 1) {
                    output[count] = UInt8(truncatingIfNeeded: bits >> (16 - 8 * UInt32(index)))
                    count += 1
                }
                let unused = bits << (8 + 8 * UInt32(digits - 1))
                isValid = isValid && unused == 0
                guard isValid else { return }
            }
        }
        return isValid ? bytes : nil
    }

    /// The same for a string inside a document; some writers escape the slash.
    static func decode(_ text: JSONText) -> [UInt8]? {
        guard text.hasEscapes else { return decode(text.raw) }
        guard var unescaped = try? text.string else { return nil }
        return unescaped.withUTF8 { decode(UnsafeRawBufferPointer($0)) }
    }

    /// `bytes` as text.
    package static func encode(_ bytes: [UInt8]) -> String {
        let capacity = (bytes.count + 2) / 3 * 4
        return String(unsafeUninitializedCapacity: capacity) { output in
            for group in 0..<(capacity / 4) {
                let start = group * 3
                let count = min(3, bytes.count - start)
                var bits: UInt32 = 0
                for index in 0..<3 { bits = bits << 8 | (index < count ? UInt32(bytes[start + index]) : 0) }
                for index in 0..<4 {
                    output[group * 4 + index] = index <= count ? digit(bits >> (18 - 6 * UInt32(index)) & 63) : pad
                }
            }
            return capacity
        }
    }

    private static let pad = UInt8(ascii: "=")

    /// 64 for what is no digit.
    @inline(__always)
    private static func value(_ byte: UInt8) -> UInt32 {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: 64
        }
    }

    private static func digit(_ value: UInt32) -> UInt8 {
        let value = UInt8(value)
        return switch value {
        case 0..<26: UInt8(ascii: "A") + value
        case 26..<52: UInt8(ascii: "a") + value - 26
        case 52..<62: UInt8(ascii: "0") + value - 52
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }
}
