/// The arguments of one line, which spaces and tabs separate.
///
/// Several of them count as one, as they do for the server. Valid as long as the line's memory.
struct NATSFields {
    private(set) var rest: UnsafeRawBufferPointer

    init(_ line: UnsafeRawBufferPointer) { rest = line }

    /// The next argument; nil at the end of the line.
    mutating func next() -> UnsafeRawBufferPointer? {
        skipSpace()
        guard !rest.isEmpty else { return nil }
        let count = rest.firstIndex(where: NATSFields.isSpace) ?? rest.count
        let field = UnsafeRawBufferPointer(rebasing: rest[..<count])
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        return field
    }

    /// All that is left, without the space around it.
    mutating func remainder() -> UnsafeRawBufferPointer {
        skipSpace()
        var count = rest.count
        while count > 0, NATSFields.isSpace(rest[count - 1]) { count -= 1 }
        return UnsafeRawBufferPointer(rebasing: rest[..<count])
    }

    /// The decimal number that `field` spells.
    ///
    /// - Returns: nil for anything but 1 to 20 digits, or beyond 64 bits.
    static func decimal(_ field: UnsafeRawBufferPointer) -> UInt64? {
        guard 1...20 ~= field.count else { return nil }
        var number: UInt64 = 0
        for byte in field {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
            guard !overflow, !carry else { return nil }
            number = sum
        }
        return number
    }

    @inline(__always)
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private mutating func skipSpace() {
        let count = rest.firstIndex { !NATSFields.isSpace($0) } ?? rest.count
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
}
