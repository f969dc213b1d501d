/// The grammar of JSON (RFC 8259) over raw memory.
///
/// Each function returns where an element ends, or nil if it is not JSON.
///
/// Bytes are read once, nothing is allocated and nothing recurses. `end` is one past the last byte that may be read.
enum JSONGrammar {
    typealias Cursor = UnsafePointer<UInt8>

    /// Arrays and objects inside one another, counted from the value that is skipped.
    static let depthLimit = 64

    /// Section 2, `ws`.
    @inline(__always)
    static func skipWhitespace(_ start: Cursor, _ end: Cursor) -> Cursor {
        var cursor = start
        while cursor < end {
            switch cursor.pointee {
            case 0x20, 0x0A, 0x0D, 0x09: cursor += 1
            default: return cursor
            }
        }
        return cursor
    }

    /// The end of the value at `start`, leading whitespace allowed.
    static func endOfValue(_ start: Cursor, _ end: Cursor) -> Cursor? {
        endOfValue(start, end, JSONNesting())
    }

    /// The same however deep it nests.
    static func endOfDeepValue(_ start: Cursor, _ end: Cursor) -> Cursor? {
        endOfValue(start, end, JSONDeepNesting())
    }

    @inline(__always)
    private static func endOfValue(_ start: Cursor, _ end: Cursor, _ containers: some JSONContainers) -> Cursor? {
        var cursor = skipWhitespace(start, end)
        var containers = containers
        while true {
            guard cursor < end else { return nil }
            switch cursor.pointee {
            case UInt8(ascii: "{"):
                guard containers.hasRoom else { return nil }
                cursor = skipWhitespace(cursor + 1, end)
                guard cursor < end else { return nil }
                if cursor.pointee != UInt8(ascii: "}") {
                    guard let value = endOfMemberName(cursor, end) else { return nil }
                    cursor = value
                    containers.enter(isObject: true)
                    continue
                }
                cursor += 1
            case UInt8(ascii: "["):
                guard containers.hasRoom else { return nil }
                cursor = skipWhitespace(cursor + 1, end)
                guard cursor < end else { return nil }
                if cursor.pointee != UInt8(ascii: "]") {
                    containers.enter(isObject: false)
                    continue
                }
                cursor += 1
            default:
                guard let next = endOfScalarValue(cursor, end) else { return nil }
                cursor = next
            }
            // A value is complete: leave the containers that end here, then stand before the next value.
            separator: while true {
                guard !containers.isEmpty else { return cursor }
                cursor = skipWhitespace(cursor, end)
                guard cursor < end else { return nil }
                let isObject = containers.isInObject
                switch cursor.pointee {
                case UInt8(ascii: ","):
                    cursor = skipWhitespace(cursor + 1, end)
                    if isObject {
                        guard let value = endOfMemberName(cursor, end) else { return nil }
                        cursor = value
                    }
                    break separator
                case UInt8(ascii: "}"):
                    guard isObject else { return nil }
                case UInt8(ascii: "]"):
                    guard !isObject else { return nil }
                default:
                    return nil
                }
                cursor += 1
                containers.leave()
            }
        }
    }

    /// Where the value of a member begins whose name's opening quote is at `start`.
    private static func endOfMemberName(_ start: Cursor, _ end: Cursor) -> Cursor? {
        guard start < end, start.pointee == UInt8(ascii: "\"") else { return nil }
        var hasEscapes = false
        guard let quote = endOfString(start + 1, end, &hasEscapes) else { return nil }
        let colon = skipWhitespace(quote + 1, end)
        guard colon < end, colon.pointee == UInt8(ascii: ":") else { return nil }
        return skipWhitespace(colon + 1, end)
    }

    /// A string, number, `true`, `false` or `null`.
    @inline(__always)
    private static func endOfScalarValue(_ start: Cursor, _ end: Cursor) -> Cursor? {
        switch start.pointee {
        case UInt8(ascii: "\""):
            var hasEscapes = false
            guard let quote = endOfString(start + 1, end, &hasEscapes) else { return nil }
            return quote + 1
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return endOfNumber(start, end)
        case UInt8(ascii: "t"): return endOfLiteral("true", start, end)
        case UInt8(ascii: "f"): return endOfLiteral("false", start, end)
        case UInt8(ascii: "n"): return endOfLiteral("null", start, end)
        default: return nil
        }
    }

    /// The end of `literal`, if it stands at `start`.
    @inline(__always)
    static func endOfLiteral(_ literal: StaticString, _ start: Cursor, _ end: Cursor) -> Cursor? {
        let count = literal.utf8CodeUnitCount
        guard end - start >= count else { return nil }
        for index in 0..<count where start[index] != literal.utf8Start[index] { return nil }
        return start + count
    }

    /// Section 6: no leading zeros, no plus sign, digits on both sides of the point.
    static func endOfNumber(_ start: Cursor, _ end: Cursor) -> Cursor? {
        var cursor = start
        if cursor < end, cursor.pointee == UInt8(ascii: "-") { cursor += 1 }
        guard cursor < end else { return nil }
        if cursor.pointee == UInt8(ascii: "0") {
            cursor += 1
        } else {
            guard let next = endOfDigits(cursor, end) else { return nil }
            cursor = next
        }
        if cursor < end, cursor.pointee == UInt8(ascii: ".") {
            guard let next = endOfDigits(cursor + 1, end) else { return nil }
            cursor = next
        }
        if cursor < end, cursor.pointee | 0x20 == UInt8(ascii: "e") {
            cursor += 1
            if cursor < end, cursor.pointee == UInt8(ascii: "+") || cursor.pointee == UInt8(ascii: "-") { cursor += 1 }
            guard let next = endOfDigits(cursor, end) else { return nil }
            cursor = next
        }
        return cursor
    }

    /// The end of one or more digits.
    @inline(__always)
    private static func endOfDigits(_ start: Cursor, _ end: Cursor) -> Cursor? {
        var cursor = start
        while cursor < end, cursor.pointee &- UInt8(ascii: "0") < 10 { cursor += 1 }
        return cursor > start ? cursor : nil
    }
}
