/// Parameters of a query string, as they are.
///
/// Nothing that is asked for here needs percent-decoding.
enum Query {
    static func value(of name: StaticString, in query: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let wanted = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        for part in query.split(separator: UInt8(ascii: "&")) {
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { continue }
            if part[..<equals].elementsEqual(wanted) {
                return UnsafeRawBufferPointer(rebasing: query[(equals + 1)..<part.endIndex])
            }
        }
        return nil
    }
}

extension Query {
    static func has(_ name: StaticString, _ expected: StaticString, in query: UnsafeRawBufferPointer) -> Bool {
        guard let value = value(of: name, in: query) else { return false }
        return value.elementsEqual(UnsafeRawBufferPointer(start: expected.utf8Start, count: expected.utf8CodeUnitCount))
    }
}
