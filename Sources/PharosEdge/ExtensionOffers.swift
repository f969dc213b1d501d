/// Reads one `Sec-WebSocket-Extensions` line piece by piece.
///
/// See RFC 6455, section 9.1.
struct ExtensionOffers {
    enum Piece {
        /// A new offer begins.
        case name(UnsafeRawBufferPointer)
        /// A parameter of the offer begun last.
        ///
        /// Its value may have backslashes in it if it was quoted.
        case parameter(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?)
        case end
        /// This is not what the grammar allows: nothing behind it can be read.
        case malformed
    }

    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var isWithinOffer = false

    init(_ value: UnsafeRawBufferPointer) { bytes = value }

    /// Whether all of it can be read.
    static func areWellFormed(_ value: UnsafeRawBufferPointer) -> Bool {
        var offers = ExtensionOffers(value)
        while true {
            switch offers.next() {
            case .name, .parameter: continue
            case .end: return true
            case .malformed: return false
            }
        }
    }

    mutating func next() -> Piece {
        skipSpace()
        if isWithinOffer, take(UInt8(ascii: ";")) { return parameter() }
        if isWithinOffer, position < bytes.count, bytes[position] != UInt8(ascii: ",") { return .malformed }
        // Elements of a list may be empty (RFC 9110, section 5.6.1.2).
        while take(UInt8(ascii: ",")) { skipSpace() }
        guard position < bytes.count else { return .end }
        guard let name = token() else { return .malformed }
        isWithinOffer = true
        return .name(name)
    }

    private mutating func parameter() -> Piece {
        skipSpace()
        guard let name = token() else { return .malformed }
        skipSpace()
        guard take(UInt8(ascii: "=")) else { return .parameter(name: name, value: nil) }
        skipSpace()
        guard let value = take(UInt8(ascii: "\"")) ? quoted() : token() else { return .malformed }
        return .parameter(name: name, value: value)
    }

    private mutating func token() -> UnsafeRawBufferPointer? {
        let start = position
        while position < bytes.count, FieldText.isToken(bytes[position]) { position += 1 }
        return position > start ? UnsafeRawBufferPointer(rebasing: bytes[start..<position]) : nil
    }

    /// The text between quotation marks.
    ///
    /// Without its backslashes it must be a token.
    private mutating func quoted() -> UnsafeRawBufferPointer? {
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            if bytes[position] == UInt8(ascii: "\\") { position += 1 }
            guard position < bytes.count, FieldText.isToken(bytes[position]) else { return nil }
            position += 1
        }
        let end = position
        guard take(UInt8(ascii: "\"")), end > start else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    private mutating func skipSpace() {
        while position < bytes.count, FieldText.isSpace(bytes[position]) { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }
}
