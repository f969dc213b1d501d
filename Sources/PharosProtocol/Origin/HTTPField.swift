/// The small grammar of header fields (RFC 9110, section 5).
enum HTTPField {
    /// Takes the next line from `bytes`, without its end.
    static func nextLine(_ bytes: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let newline = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
            defer { bytes = [] }
            return bytes
        }
        defer { bytes = bytes[(newline + 1)...] }
        let isCRLF = newline > bytes.startIndex && bytes[newline - 1] == UInt8(ascii: "\r")
        return bytes[..<(isCRLF ? newline - 1 : newline)]
    }

    /// Without spaces and tabs around it.
    static func trimmed(_ value: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var value = value
        while let first = value.first, isSpace(first) { value.removeFirst() }
        while let last = value.last, isSpace(last) { value.removeLast() }
        return value
    }

    /// Whether `text` is `lower`, which has no capitals, in any case.
    static func equals(_ text: ArraySlice<UInt8>, _ lower: StaticString) -> Bool {
        guard text.count == lower.utf8CodeUnitCount else { return false }
        var expected = lower.utf8Start
        for byte in text {
            let folded = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
            guard folded == expected.pointee else { return false }
            expected += 1
        }
        return true
    }

    static func text(_ value: ArraySlice<UInt8>) -> String { String(decoding: value, as: UTF8.self) }

    static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// Anything but control characters; a carriage return within a line is one.
    static func isValue(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }

    /// The number that begins a chunk (RFC 9112, section 7.1).
    ///
    /// Extensions after it mean nothing to us.
    static func chunkSize(_ line: ArraySlice<UInt8>) -> Int? {
        let end = line.firstIndex(of: UInt8(ascii: ";")) ?? line.endIndex
        let digits = trimmed(line[..<end])
        guard !digits.isEmpty, digits.count <= 15 else { return nil }
        var size = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): size = size << 4 | Int(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): size = size << 4 | Int(digit - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): size = size << 4 | Int(digit - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        return size
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
