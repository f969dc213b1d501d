extension JSONGrammar {
    /// The closing quote of the string whose content begins at `start`.
    ///
    /// See RFC 8259, section 7.
    ///
    /// Checks UTF-8 (RFC 3629) and escapes on the way. Half a surrogate pair as an escape passes (section 8.2): where the
    /// string is not looked into, it goes on as it is; where it is, `JSONText.string` refuses it.
    /// - Parameter hasEscapes: set if a backslash was met, left alone otherwise.
    static func endOfString(_ start: Cursor, _ end: Cursor, _ hasEscapes: inout Bool) -> Cursor? {
        var cursor = start
        while true {
            // Most text holds nothing special for long stretches: look at eight bytes at a time.
            while end - cursor >= 8 {
                let special = specialBytes(UnsafeRawPointer(cursor).loadUnaligned(as: UInt64.self).littleEndian)
                if special == 0 {
                    cursor += 8
                } else {
                    cursor += special.trailingZeroBitCount >> 3
                    break
                }
            }
            guard cursor < end else { return nil }
            switch cursor.pointee {
            case UInt8(ascii: "\""):
                return cursor
            case UInt8(ascii: "\\"):
                hasEscapes = true
                guard let next = endOfEscape(cursor, end) else { return nil }
                cursor = next
            case 0..<0x20:
                return nil
            case 0x80...:
                // Text that is not ASCII tends to stay so: no look at eight bytes in between.
                repeat {
                    guard let next = endOfScalar(cursor, end) else { return nil }
                    cursor = next
                } while cursor < end && cursor.pointee >= 0x80
            default:
                cursor += 1
            }
        }
    }

    /// The high bit of each of eight bytes that needs a closer look.
    ///
    /// Such a byte is a quote, a backslash, a control character or not ASCII.
    ///
    /// Only the lowest bit set is certain, since a subtraction may borrow from the byte above. That one is all we need.
    @inline(__always)
    private static func specialBytes(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        let quotes = word ^ (ones &* 0x22)
        let backslashes = word ^ (ones &* 0x5C)
        let found =
            ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes) | ((word &- ones &* 0x20) & ~word)
        return (found | word) & highs
    }

    /// The end of the escape whose backslash is at `start`.
    private static func endOfEscape(_ start: Cursor, _ end: Cursor) -> Cursor? {
        guard end - start >= 2 else { return nil }
        switch start[1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return start + 2
        case UInt8(ascii: "u"):
            guard end - start >= 6, hexUnit(start + 2) != nil else { return nil }
            return start + 6
        default:
            return nil
        }
    }

    /// The UTF-16 code unit that four hexadecimal digits at `start` stand for.
    static func hexUnit(_ start: Cursor) -> UInt32? {
        var unit: UInt32 = 0
        for index in 0..<4 {
            let digit: UInt8
            switch start[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = start[index] - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = start[index] - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = start[index] - UInt8(ascii: "A") + 10
            default: return nil
            }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    /// The end of the UTF-8 sequence of two to four bytes at `start`.
    ///
    /// See RFC 3629, section 4.
    @inline(__always)
    private static func endOfScalar(_ start: Cursor, _ end: Cursor) -> Cursor? {
        let count: Int
        // Overlong forms, surrogates and what lies beyond U+10FFFF all show in the second byte.
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch start.pointee {
        case 0xC2...0xDF: count = 2
        case 0xE0: (count, second) = (3, 0xA0...0xBF)
        case 0xED: (count, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: count = 3
        case 0xF0: (count, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: count = 4
        case 0xF4: (count, second) = (4, 0x80...0x8F)
        default: return nil
        }
        guard end - start >= count, second.contains(start[1]) else { return nil }
        if count > 2, start[2] & 0xC0 != 0x80 { return nil }
        if count > 3, start[3] & 0xC0 != 0x80 { return nil }
        return start + count
    }
}
