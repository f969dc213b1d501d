#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Looking things up in the field lines.
///
/// Each call reads the lines again: heads are short, and nothing is allocated.
extension RequestHead {
    /// The value of the first line of that name; nil: no such line.
    ///
    /// It comes without white space around it.
    package func header(_ lowercaseName: StaticString) -> UnsafeRawBufferPointer? {
        guard hasName(length: lowercaseName.utf8CodeUnitCount) else { return nil }
        var position = fieldsStart
        while let field = field(at: &position) {
            if FieldText.equals(field.name, lowercase: lowercaseName) { return field.value }
        }
        return nil
    }

    /// How many lines have that name.
    package func headerCount(_ lowercaseName: StaticString) -> Int {
        guard hasName(length: lowercaseName.utf8CodeUnitCount) else { return 0 }
        var count = 0
        var position = fieldsStart
        while let field = field(at: &position) {
            if FieldText.equals(field.name, lowercase: lowercaseName) { count += 1 }
        }
        return count
    }

    /// Whether the lists in all lines of that name have the token.
    ///
    /// The lists are comma-separated and count as one. Case does not count.
    package func header(_ lowercaseName: StaticString, hasToken lowercaseToken: StaticString) -> Bool {
        var position = fieldsStart
        while let field = field(at: &position) {
            guard FieldText.equals(field.name, lowercase: lowercaseName) else { continue }
            if FieldText.list(field.value, has: lowercaseToken) { return true }
        }
        return false
    }

    /// Calls `body` with name and value of each field line, in order.
    package func forEachHeader(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) {
        var position = fieldsStart
        while let field = field(at: &position) { body(field.name, field.value) }
    }

    /// The field line at `position`, which is moved to the next one.
    ///
    /// nil at the empty line.
    ///
    /// The parser has seen to it that each line has a colon and that CR and LF appear only together at its end.
    private func field(
        at position: inout Int
    ) -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
        let rest = length - position
        guard rest > 2,
            let colon = memchr(base + position, Int32(UInt8(ascii: ":")), rest),
            let lineFeed = memchr(
                colon, Int32(UInt8(ascii: "\n")), rest - (UnsafeRawPointer(colon) - (base + position)))
        else { return nil }
        let nameEnd = UnsafeRawPointer(colon) - base
        let lineEnd = UnsafeRawPointer(lineFeed) - base - 1
        defer { position = lineEnd + 2 }
        return (slice(position..<nameEnd), FieldText.trimmed(slice(nameEnd + 1..<lineEnd)))
    }
}
