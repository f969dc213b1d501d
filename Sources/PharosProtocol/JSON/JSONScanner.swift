/// A strict cursor over one JSON text (RFC 8259).
///
/// It reads the values that it is asked for, in place, without a tree.
///
/// The memory must outlive the scanner and everything it returns that points into it. Objects are read by
/// `beginObject` and `nextMember` until nil, each member's value in between; arrays likewise with `nextElement`.
/// After an error the scanner's position is undefined. Skipped parts are checked as strictly as those that are read.
package struct JSONScanner {
    private(set) var cursor: UnsafePointer<UInt8>
    let end: UnsafePointer<UInt8>
    /// Whether the container entered last has not been asked for its first item.
    ///
    /// Inner containers are read to their end before the outer one goes on, so one flag serves all levels.
    private var isAtFirstItem = false

    package init(_ bytes: UnsafeRawBufferPointer) {
        // An empty buffer may have no address; a pointer that is never read stands in for it.
        let start = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 8)!
        cursor = start.assumingMemoryBound(to: UInt8.self)
        end = cursor + bytes.count
    }

    /// Whether `bytes` are exactly one JSON value.
    ///
    /// Whitespace may stand around it.
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let scanner = JSONScanner(bytes)
        guard let next = JSONGrammar.endOfValue(scanner.cursor, scanner.end) else { return false }
        return JSONGrammar.skipWhitespace(next, scanner.end) == scanner.end
    }

    package static func isValid(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { isValid($0) } }

    /// Enters an object.
    package mutating func beginObject() throws(MalformedFrame) {
        guard peek() == UInt8(ascii: "{") else { throw MalformedFrame(reason: "object expected") }
        cursor += 1
        isAtFirstItem = true
    }

    /// The name of the next member, or nil after leaving the object.
    ///
    /// The caller reads or skips the value.
    package mutating func nextMember() throws(MalformedFrame) -> JSONText? {
        guard try nextItem(closing: UInt8(ascii: "}")) else { return nil }
        let name = try text()
        guard peek() == UInt8(ascii: ":") else { throw MalformedFrame(reason: "colon expected") }
        cursor += 1
        return name
    }

    /// Enters an array.
    package mutating func beginArray() throws(MalformedFrame) {
        guard peek() == UInt8(ascii: "[") else { throw MalformedFrame(reason: "array expected") }
        cursor += 1
        isAtFirstItem = true
    }

    /// Whether another element follows, which the caller reads or skips.
    ///
    /// False after leaving the array.
    package mutating func nextElement() throws(MalformedFrame) -> Bool {
        try nextItem(closing: UInt8(ascii: "]"))
    }

    /// Demands that nothing but whitespace is left.
    package mutating func finish() throws(MalformedFrame) {
        guard peek() == nil else { throw MalformedFrame(reason: "something follows the value") }
    }

    /// Passes over one value of any kind.
    ///
    /// - Returns: its bytes, without whitespace around them.
    @discardableResult
    package mutating func skipValue() throws(MalformedFrame) -> UnsafeRawBufferPointer {
        let start = JSONGrammar.skipWhitespace(cursor, end)
        guard let next = JSONGrammar.endOfValue(start, end) else { throw MalformedFrame(reason: "not JSON") }
        cursor = next
        return UnsafeRawBufferPointer(start: start, count: next - start)
    }

    /// The same however deep the value nests. It may take memory as large as the text.
    mutating func skipDeepValue() throws(MalformedFrame) {
        guard let next = JSONGrammar.endOfDeepValue(cursor, end) else { throw MalformedFrame(reason: "not JSON") }
        cursor = next
    }

    /// Passes over `null` if it is next.
    package mutating func skipNull() -> Bool {
        guard peek() == UInt8(ascii: "n"), let next = JSONGrammar.endOfLiteral("null", cursor, end) else {
            return false
        }
        cursor = next
        return true
    }

    /// A string, in place.
    package mutating func text() throws(MalformedFrame) -> JSONText {
        guard peek() == UInt8(ascii: "\"") else { throw MalformedFrame(reason: "string expected") }
        let start = cursor + 1
        var hasEscapes = false
        guard let quote = JSONGrammar.endOfString(start, end, &hasEscapes) else {
            throw MalformedFrame(reason: "malformed string")
        }
        cursor = quote + 1
        return JSONText(raw: UnsafeRawBufferPointer(start: start, count: quote - start), hasEscapes: hasEscapes)
    }

    /// Reads an integer, exactly.
    ///
    /// A fraction, an exponent or a number beyond the type's range is malformed.
    package mutating func integer<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self
    ) throws(MalformedFrame) -> Number {
        let isNegative = peek() == UInt8(ascii: "-")
        let start = cursor
        guard let next = JSONGrammar.endOfNumber(start, end) else { throw MalformedFrame(reason: "integer expected") }
        cursor = next
        var magnitude: UInt64 = 0
        for digits in (isNegative ? start + 1 : start)..<next {
            let digit = digits.pointee &- UInt8(ascii: "0")
            guard digit < 10 else { throw MalformedFrame(reason: "integer expected") }
            let (tens, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
            guard !overflow, !carry else { throw MalformedFrame(reason: "integer out of range") }
            magnitude = sum
        }
        let number = isNegative ? Number(exactly: -Int128(magnitude)) : Number(exactly: magnitude)
        guard let number else { throw MalformedFrame(reason: "integer out of range") }
        return number
    }

    package mutating func bool() throws(MalformedFrame) -> Bool {
        _ = peek()
        if let next = JSONGrammar.endOfLiteral("true", cursor, end) {
            cursor = next
            return true
        }
        guard let next = JSONGrammar.endOfLiteral("false", cursor, end) else {
            throw MalformedFrame(reason: "boolean expected")
        }
        cursor = next
        return false
    }

    /// The next byte that is no whitespace; the cursor then stands on it.
    @inline(__always)
    private mutating func peek() -> UInt8? {
        cursor = JSONGrammar.skipWhitespace(cursor, end)
        return cursor < end ? cursor.pointee : nil
    }

    private mutating func nextItem(closing: UInt8) throws(MalformedFrame) -> Bool {
        let next = peek()
        let isFirst = isAtFirstItem
        isAtFirstItem = false
        if next == closing {
            cursor += 1
            return false
        }
        if !isFirst {
            guard next == UInt8(ascii: ",") else { throw MalformedFrame(reason: "comma expected") }
            cursor += 1
        }
        return true
    }
}
