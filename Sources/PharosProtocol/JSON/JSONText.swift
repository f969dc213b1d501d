#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A JSON string as it stands in the document: its bytes between the quotes, checked, escapes not yet resolved.
///
/// Valid as long as the scanned memory.
package struct JSONText {
    package let raw: UnsafeRawBufferPointer
    let hasEscapes: Bool

    /// Whether nothing is between the quotes.
    package var isEmpty: Bool { raw.isEmpty }

    /// The text with its escapes resolved.
    package var string: String {
        guard hasEscapes else { return String(decoding: raw, as: UTF8.self) }
        return String(unsafeUninitializedCapacity: raw.count) { unescape(into: $0) }
    }

    /// Whether the text is `name`. Names without escapes are compared in place.
    package static func ~= (name: StaticString, text: JSONText) -> Bool {
        if text.hasEscapes { return text.string == name.description }
        guard text.raw.count == name.utf8CodeUnitCount, let bytes = text.raw.baseAddress else {
            return text.raw.isEmpty && name.utf8CodeUnitCount == 0
        }
        return memcmp(bytes, name.utf8Start, name.utf8CodeUnitCount) == 0
    }

    /// Writes the text's UTF-8 and returns its length, which is never more than that of `raw`.
    private func unescape(into output: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var count = 0
        var index = 0
        let bytes = raw.assumingMemoryBound(to: UInt8.self)
        func append(_ byte: UInt8) {
            output[count] = byte
            count += 1
        }
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "\\") else {
                append(bytes[index])
                index += 1
                continue
            }
            let kind = bytes[index + 1]
            index += 2
            switch kind {
            case UInt8(ascii: "b"): append(0x08)
            case UInt8(ascii: "f"): append(0x0C)
            case UInt8(ascii: "n"): append(0x0A)
            case UInt8(ascii: "r"): append(0x0D)
            case UInt8(ascii: "t"): append(0x09)
            case UInt8(ascii: "u"): for byte in UTF8.encode(scalar(at: &index))! { append(byte) }
            default: append(kind)
            }
        }
        return count
    }

    /// The scalar whose hexadecimal digits begin at `index`, its second surrogate included; moves `index` past it.
    private func scalar(at index: inout Int) -> Unicode.Scalar {
        let digits = raw.baseAddress!.assumingMemoryBound(to: UInt8.self) + index
        guard let unit = JSONGrammar.hexUnit(digits) else { preconditionFailure("the scanner has checked escapes") }
        index += 4
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard let low = JSONGrammar.hexUnit(digits + 6),
            let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
        else { preconditionFailure("the scanner lets no lone surrogate pass") }
        index += 6
        return scalar
    }
}
