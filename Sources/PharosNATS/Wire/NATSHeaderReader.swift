/// Reads a block of header lines from its front, in place.
struct NATSHeaderReader {
    enum Line {
        case field(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)
        /// The empty line, or no further bytes.
        case end
        case malformed
    }

    private(set) var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    /// The next field.
    mutating func next() -> Line {
        guard !rest.isEmpty else { return .end }
        guard let line = nextLine() else { return .malformed }
        guard !line.isEmpty else { return .end }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return .malformed }
        let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
        guard name.allSatisfy(NATSHeaderReader.isNameByte) else { return .malformed }
        var value = NATSFields(UnsafeRawBufferPointer(rebasing: line[(colon + 1)...]))
        return .field(name: name, value: value.remainder())
    }

    /// The bytes before the next line feed, without the CR before it.
    ///
    /// nil if there is no line feed.
    mutating func nextLine() -> UnsafeRawBufferPointer? {
        guard let feed = rest.firstIndex(of: 0x0A) else { return nil }
        var line = UnsafeRawBufferPointer(rebasing: rest[..<feed])
        rest = UnsafeRawBufferPointer(rebasing: rest[(feed + 1)...])
        if line.last == 0x0D { line = UnsafeRawBufferPointer(rebasing: line.dropLast()) }
        return line
    }

    /// Whether a name may have this byte.
    ///
    /// Printable ASCII but for the colon (ADR-4).
    static func isNameByte(_ byte: UInt8) -> Bool { 33...126 ~= byte && byte != UInt8(ascii: ":") }
}
