extension NATSHeaders {
    /// Adds a field behind those that are there.
    ///
    /// - Throws: `NATSOrderError.invalidHeader` for a name that is empty or has other bytes than printable ASCII without
    ///   the colon, and for a value with a CR, a LF or a NUL.
    package mutating func add(_ name: String, _ value: String) throws(NATSOrderError) {
        guard !name.isEmpty, name.utf8.allSatisfy(NATSHeaderReader.isNameByte),
            value.utf8.allSatisfy({ $0 != 0x0D && $0 != 0x0A && $0 != 0 })
        else { throw .invalidHeader }
        append(name, value)
    }

    /// Adds a field with a number, whose name is known to be valid.
    mutating func add(_ name: StaticString, _ number: UInt64) { append(name.description, String(number)) }

    private mutating func append(_ name: String, _ value: String) {
        lines.append(contentsOf: name.utf8)
        lines.append(UInt8(ascii: ":"))
        lines.append(UInt8(ascii: " "))
        lines.append(contentsOf: value.utf8)
        lines.append(0x0D)
        lines.append(0x0A)
    }
}
