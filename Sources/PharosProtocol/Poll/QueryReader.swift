package import PharosDomain

/// The parameters of a query string, one after the other.
///
/// They are read as WHATWG URL, section 5.1, has them, but strictly.
///
/// `+` is a space, a name without `=` has an empty value, empty pieces between `&` are passed over. A `%` without two
/// hexadecimal digits and bytes that are not UTF-8 are errors. The memory must outlive the reader.
package struct QueryReader {
    private var rest: UnsafeRawBufferPointer
    private var pairsLeft: Int

    /// - Parameter pairLimit: the most parameters that are read; one more is an error.
    package init(_ query: UnsafeRawBufferPointer, pairLimit: Int = 1_024) {
        rest = query
        pairsLeft = pairLimit
    }

    /// The next parameter, decoded; nil at the end.
    package mutating func next() throws(ParameterError) -> (name: FieldName, value: String)? {
        guard let pair = try nextPair() else { return nil }
        return try QueryReader.decode(pair)
    }

    /// Name and value as they stand in the query.
    private typealias Pair = (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)

    private mutating func nextPair() throws(ParameterError) -> Pair? {
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "&")) ?? rest.count
            let pair = UnsafeRawBufferPointer(rebasing: rest[..<end])
            rest = UnsafeRawBufferPointer(rebasing: rest[min(end + 1, rest.count)...])
            guard !pair.isEmpty else { continue }
            guard pairsLeft > 0 else { throw ParameterError("", "too many parameters") }
            pairsLeft -= 1
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.count
            return (
                UnsafeRawBufferPointer(rebasing: pair[..<equals]),
                UnsafeRawBufferPointer(rebasing: pair[min(equals + 1, pair.count)...])
            )
        }
        return nil
    }

    /// The value of the first parameter called `name`; nil: there is none.
    ///
    /// Parameters after it are not looked at.
    package static func first(
        _ name: FieldName, in query: UnsafeRawBufferPointer
    ) throws(ParameterError) -> String? {
        var reader = QueryReader(query)
        while let pair = try reader.nextPair() {
            // Nearly always nothing is encoded and the name is another: such a pair need not become text.
            if isPlain(pair.name), isPlain(pair.value), !pair.name.elementsEqual(name.utf8) { continue }
            let decoded = try decode(pair)
            if decoded.name == name { return decoded.value }
        }
        return nil
    }

    private static func decode(_ pair: Pair) throws(ParameterError) -> (name: FieldName, value: String) {
        guard let name = decode(pair.name) else { throw ParameterError("", "malformed name of a parameter") }
        guard let value = decode(pair.value) else { throw ParameterError(FieldName(name), "malformed value") }
        return (FieldName(name), value)
    }

    /// The text that percent-encoding stands for; nil: not well-formed.
    ///
    /// See RFC 3986, section 2.1.
    private static func decode(_ text: UnsafeRawBufferPointer) -> String? {
        if isPlain(text) { return String(decoding: text, as: UTF8.self) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            switch text[index] {
            case UInt8(ascii: "%"):
                guard text.endIndex - index >= 3, let high = hexDigit(text[index + 1]),
                    let low = hexDigit(text[index + 2])
                else { return nil }
                bytes.append(high << 4 | low)
                index += 3
            case UInt8(ascii: "+"):
                bytes.append(UInt8(ascii: " "))
                index += 1
            default:
                bytes.append(text[index])
                index += 1
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Whether `text` stands for itself: ASCII without an escape.
    private static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
        for byte in text where byte >= 0x80 || byte == UInt8(ascii: "%") || byte == UInt8(ascii: "+") { return false }
        return true
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
