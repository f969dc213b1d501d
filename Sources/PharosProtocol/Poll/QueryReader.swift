/// The parameters of a query string, one after the other (WHATWG URL, section 5.1), but strictly.
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
    package mutating func next() throws(ParameterError) -> (name: String, value: String)? {
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "&")) ?? rest.count
            let pair = UnsafeRawBufferPointer(rebasing: rest[..<end])
            rest = UnsafeRawBufferPointer(rebasing: rest[min(end + 1, rest.count)...])
            guard !pair.isEmpty else { continue }
            guard pairsLeft > 0 else { throw ParameterError("", "too many parameters") }
            pairsLeft -= 1
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.count
            guard let name = QueryReader.decode(pair[..<equals]) else {
                throw ParameterError("", "malformed name of a parameter")
            }
            guard let value = QueryReader.decode(pair[min(equals + 1, pair.count)...]) else {
                throw ParameterError(name, "malformed value")
            }
            return (name, value)
        }
        return nil
    }

    /// The value of the first parameter called `name`; nil: there is none. Parameters after it are not looked at.
    package static func first(
        _ name: String, in query: UnsafeRawBufferPointer
    ) throws(ParameterError) -> String? {
        var reader = QueryReader(query)
        while let pair = try reader.next() {
            if pair.name == name { return pair.value }
        }
        return nil
    }

    /// The text that percent-encoding stands for (RFC 3986, section 2.1); nil: not well-formed.
    private static func decode(_ text: Slice<UnsafeRawBufferPointer>) -> String? {
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

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
