/// Base64 (RFC 4648) in both alphabets: one text for each run of bytes.
///
/// Reading is strict: only what encoding writes is accepted. Two texts that decode to the same signature would be two
/// spellings of one token, and two texts for one cursor two cursors.
package enum Base64 {
    package enum Alphabet: Sendable {
        /// With `+` and `/`, and padding to whole groups of four (section 4).
        case standard
        /// With `-` and `_`, which need no escaping in a URL, without padding (section 5).
        case url
    }

    private static let padding = UInt8(ascii: "=")
}

// MARK: Encoding

extension Base64 {
    package static func encode(_ bytes: [UInt8], _ alphabet: Alphabet = .standard) -> String {
        let count = encodedCount(bytes.count, alphabet)
        return String(unsafeUninitializedCapacity: count) { output in
            guard let start = output.baseAddress else { return 0 }
            bytes.withUnsafeBytes { write($0, alphabet, to: start) }
            return count
        }
    }

    package static func encode(
        _ bytes: UnsafeRawBufferPointer, _ alphabet: Alphabet = .standard, into writer: inout ByteWriter
    ) {
        writer.append(count: encodedCount(bytes.count, alphabet)) { write(bytes, alphabet, to: $0) }
    }

    /// The character for the six bits of `value`, which is less than 64.
    package static func digit(_ value: UInt8, _ alphabet: Alphabet) -> UInt8 {
        precondition(value < 64, "a digit of base64 has six bits")
        return digits(of: alphabet)[Int(value)]
    }

    private static func encodedCount(_ count: Int, _ alphabet: Alphabet) -> Int {
        switch alphabet {
        case .standard: (count + 2) / 3 * 4
        case .url: (count * 4 + 2) / 3
        }
    }

    private static func write(
        _ bytes: UnsafeRawBufferPointer, _ alphabet: Alphabet, to output: UnsafeMutablePointer<UInt8>
    ) {
        let digits = digits(of: alphabet)
        let tail = bytes.count % 3
        var output = output
        var index = 0
        while index < bytes.count - tail {
            let bits = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
            output[0] = digits[Int(bits >> 18)]
            output[1] = digits[Int(bits >> 12 & 63)]
            output[2] = digits[Int(bits >> 6 & 63)]
            output[3] = digits[Int(bits & 63)]
            output += 4
            index += 3
        }
        guard tail > 0 else { return }
        let bits = UInt32(bytes[index]) << 16 | (tail == 2 ? UInt32(bytes[index + 1]) << 8 : 0)
        output[0] = digits[Int(bits >> 18)]
        output[1] = digits[Int(bits >> 12 & 63)]
        if tail == 2 { output[2] = digits[Int(bits >> 6 & 63)] }
        guard alphabet == .standard else { return }
        if tail == 1 { output[2] = padding }
        output[3] = padding
    }

    @inline(__always)
    private static func digits(of alphabet: Alphabet) -> UnsafePointer<UInt8> {
        let standard: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        let url: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        return alphabet == .standard ? standard.utf8Start : url.utf8Start
    }
}

// MARK: Decoding

extension Base64 {
    /// The bytes that `text` stands for.
    ///
    /// - Returns: nil for wrong padding, other characters (line breaks too) and unused bits that are not zero.
    package static func decode(_ text: UnsafeRawBufferPointer, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        var isValid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3 + 2) { output, count in
            if let written = decode(text, alphabet, into: UnsafeMutableRawBufferPointer(output)) {
                count = written
            } else {
                isValid = false
            }
        }
        return isValid ? bytes : nil
    }

    /// The same for the characters of a string or a part of an array.
    package static func decode(_ text: some Collection<UInt8>, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        let decoded = text.withContiguousStorageIfAvailable { decode(UnsafeRawBufferPointer($0), alphabet) }
        return decoded ?? Array(text).withUnsafeBytes { decode($0, alphabet) }
    }

    /// Decodes into memory of the caller's.
    ///
    /// - Returns: the number of bytes written; nil if `text` is not such base64 or does not fit.
    package static func decode(
        _ text: UnsafeRawBufferPointer, _ alphabet: Alphabet = .standard, into output: UnsafeMutableRawBufferPointer
    ) -> Int? {
        guard let digits = digitCount(text, alphabet), digits * 3 / 4 <= output.count else { return nil }
        var count = 0
        let tail = digits % 4
        for index in stride(from: 0, to: digits - tail, by: 4) {
            let first = value(text[index], alphabet), second = value(text[index + 1], alphabet)
            let third = value(text[index + 2], alphabet), fourth = value(text[index + 3], alphabet)
            guard first | second | third | fourth < 64 else { return nil }
            let bits = first << 18 | second << 12 | third << 6 | fourth
            output[count] = UInt8(truncatingIfNeeded: bits >> 16)
            output[count + 1] = UInt8(truncatingIfNeeded: bits >> 8)
            output[count + 2] = UInt8(truncatingIfNeeded: bits)
            count += 3
        }
        guard tail > 0 else { return count }
        var bits: UInt32 = 0
        for index in digits - tail..<digits {
            let value = value(text[index], alphabet)
            guard value < 64 else { return nil }
            bits = bits << 6 | value
        }
        bits <<= UInt32(6 * (4 - tail))
        for _ in 1..<tail {
            output[count] = UInt8(truncatingIfNeeded: bits >> 16)
            bits = bits << 8 & 0xFF_FFFF
            count += 1
        }
        return bits == 0 ? count : nil
    }

    /// The six bits for which `character` stands; nil for other characters.
    package static func value(of character: UInt8, _ alphabet: Alphabet) -> UInt8? {
        let value = value(character, alphabet)
        return value < 64 ? UInt8(value) : nil
    }

    /// How many characters stand before the padding.
    ///
    /// nil when no run of bytes has a text of that length.
    private static func digitCount(_ text: UnsafeRawBufferPointer, _ alphabet: Alphabet) -> Int? {
        guard alphabet == .standard else { return text.count % 4 == 1 ? nil : text.count }
        guard text.count % 4 == 0 else { return nil }
        guard !text.isEmpty, text[text.count - 1] == padding else { return text.count }
        return text[text.count - 2] == padding ? text.count - 2 : text.count - 1
    }

    /// 64 for a character that is no digit.
    @inline(__always)
    private static func value(_ character: UInt8, _ alphabet: Alphabet) -> UInt32 {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+") where alphabet == .standard: 62
        case UInt8(ascii: "/") where alphabet == .standard: 63
        case UInt8(ascii: "-") where alphabet == .url: 62
        case UInt8(ascii: "_") where alphabet == .url: 63
        default: 64
        }
    }
}
