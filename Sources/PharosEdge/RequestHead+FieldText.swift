/// The characters of HTTP heads, and comparing them (RFC 9110, section 5.6).
enum FieldText {
    /// Whether `byte` may stand in a method or field name.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        // One bit per ASCII character: ! # $ % & ' * + - . 0-9, then A-Z ^ _ ` a-z | ~.
        let low: UInt64 = 0x03FF_6CFA_0000_0000
        let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
        guard byte < 128 else { return false }
        return (byte < 64 ? low >> UInt64(byte) : high >> UInt64(byte & 63)) & 1 == 1
    }

    /// Whether `byte` may stand in a field value: no control character but the tab.
    @inline(__always)
    static func isValue(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F || byte == 0x09
    }

    /// Whether `byte` may stand in a request target: visible ASCII, and no fragment.
    @inline(__always)
    static func isTarget(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "#")
    }

    /// Whether `byte` may stand in a `Host` value, port included.
    ///
    /// See RFC 3986, section 3.2.2.
    static func isHost(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "#"), UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"): false
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ":"), UInt8(ascii: ";"), UInt8(ascii: "="),
            UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ","):
            true
        default: isToken(byte)
        }
    }

    @inline(__always)
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = bytes.count
        while start < end, isSpace(bytes[start]) { start += 1 }
        while end > start, isSpace(bytes[end - 1]) { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    /// Whether `bytes`, in lower case, are `lowercase`.
    static func equals(_ bytes: UnsafeRawBufferPointer, lowercase: StaticString) -> Bool {
        guard bytes.count == lowercase.utf8CodeUnitCount else { return false }
        let expected = lowercase.utf8Start
        for index in 0..<bytes.count where lowercased(bytes[index]) != expected[index] { return false }
        return true
    }

    static func isSame(_ bytes: UnsafeRawBufferPointer, _ exact: StaticString) -> Bool {
        bytes.elementsEqual(UnsafeBufferPointer(start: exact.utf8Start, count: exact.utf8CodeUnitCount))
    }

    /// Takes the first element off a comma-separated list; nil when nothing is left.
    ///
    /// Empty elements are passed over.
    static func nextElement(of list: inout UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        while !list.isEmpty {
            let end = list.firstIndex(of: UInt8(ascii: ",")) ?? list.count
            let element = trimmed(UnsafeRawBufferPointer(rebasing: list[..<end]))
            list = UnsafeRawBufferPointer(rebasing: list[min(end + 1, list.count)...])
            if !element.isEmpty { return element }
        }
        return nil
    }

    static func list(_ list: UnsafeRawBufferPointer, has lowercaseToken: StaticString) -> Bool {
        var rest = list
        while let element = nextElement(of: &rest) {
            if equals(element, lowercase: lowercaseToken) { return true }
        }
        return false
    }
}
