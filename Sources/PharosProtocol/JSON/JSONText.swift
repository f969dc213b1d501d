#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A JSON string as it stands in the document.
///
/// These are its bytes between the quotes, checked, with escapes not yet resolved.
///
/// Valid as long as the scanned memory.
package struct JSONText {
    package let raw: UnsafeRawBufferPointer
    let hasEscapes: Bool

    /// Whether nothing is between the quotes.
    package var isEmpty: Bool { raw.isEmpty }

    /// The text with its escapes resolved.
    /// - Throws: for half a surrogate pair, which is no character: a name or a token with it would be another one.
    package var string: String {
        get throws(MalformedFrame) {
            guard let text = resolved else { throw MalformedFrame(reason: "half a surrogate pair") }
            return text
        }
    }

    private var resolved: String? {
        guard hasEscapes else { return String(decoding: raw, as: UTF8.self) }
        var isWhole = true
        let text = String(unsafeUninitializedCapacity: raw.count) { output in
            guard let count = unescape(into: output) else {
                isWhole = false
                return 0
            }
            return count
        }
        return isWhole ? text : nil
    }

    /// Whether the text is `name`. Names without escapes are compared in place.
    package static func ~= (name: StaticString, text: JSONText) -> Bool {
        if text.hasEscapes { return text.resolved?.utf8.elementsEqual(name.description.utf8) ?? false }
        guard text.raw.count == name.utf8CodeUnitCount, let bytes = text.raw.baseAddress else {
            return text.raw.isEmpty && name.utf8CodeUnitCount == 0
        }
        return memcmp(bytes, name.utf8Start, name.utf8CodeUnitCount) == 0
    }

    /// Writes the text's UTF-8 and returns its length; nil: it is no text.
    ///
    /// The length is never more than that of `raw`.
    private func unescape(into output: UnsafeMutableBufferPointer<UInt8>) -> Int? {
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
            case UInt8(ascii: "u"):
                guard let scalar = scalar(at: &index) else { return nil }
                for byte in UTF8.encode(scalar)! { append(byte) }
            default: append(kind)
            }
        }
        return count
    }

    /// The scalar whose hexadecimal digits begin at `index`.
    ///
    /// Its second surrogate is included, and `index` is moved past it. nil: a surrogate without its partner.
    private func scalar(at index: inout Int) -> Unicode.Scalar? {
        let digits = raw.baseAddress!.assumingMemoryBound(to: UInt8.self) + index
        guard let unit = JSONGrammar.hexUnit(digits) else { preconditionFailure("the scanner has checked escapes") }
        index += 4
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, raw.count - index >= 6, digits[4] == UInt8(ascii: "\\"), digits[5] == UInt8(ascii: "u"),
            let low = JSONGrammar.hexUnit(digits + 6), 0xDC00..<0xE000 ~= low
        else { return nil }
        index += 6
        return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    }
}
