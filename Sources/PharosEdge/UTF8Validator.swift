/// Checks UTF-8 (RFC 3629) that arrives in pieces.
///
/// A piece may end inside a character.
///
/// One byte of state: which bytes may come next. Overlong forms, surrogates and values above U+10FFFF are refused at
/// the first byte that makes them certain.
package struct UTF8Validator: BitwiseCopyable, Sendable {
    private enum State: UInt8, BitwiseCopyable {
        case boundary
        /// One, two, three continuation bytes are missing.
        case oneMissing, twoMissing, threeMissing
        /// After E0, ED, F0, F4 the next byte has a narrower range (Unicode, table 3-7).
        case afterE0, afterED, afterF0, afterF4
        case invalid
    }

    private var state = State.boundary

    package init() {}

    /// Whether everything so far is whole characters.
    package var isComplete: Bool { state == .boundary }

    /// Checks further bytes. Once false, always false.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var state = state
        var index = 0
        let count = bytes.count
        while index < count {
            if state == .boundary {
                while index + 8 <= count,
                    bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
                {
                    index += 8
                }
                while index < count, bytes[index] < 0x80 { index += 1 }
                guard index < count else { break }
            }
            state = UTF8Validator.next(state, bytes[index])
            guard state != .invalid else { break }
            index += 1
        }
        self.state = state
        return state != .invalid
    }

    @inline(__always)
    private static func next(_ state: State, _ byte: UInt8) -> State {
        switch state {
        case .boundary:
            switch byte {
            case 0x00...0x7F: .boundary
            case 0xC2...0xDF: .oneMissing
            case 0xE0: .afterE0
            case 0xED: .afterED
            case 0xE1...0xEF: .twoMissing
            case 0xF0: .afterF0
            case 0xF1...0xF3: .threeMissing
            case 0xF4: .afterF4
            default: .invalid
            }
        case .oneMissing: 0x80...0xBF ~= byte ? .boundary : .invalid
        case .twoMissing: 0x80...0xBF ~= byte ? .oneMissing : .invalid
        case .threeMissing: 0x80...0xBF ~= byte ? .twoMissing : .invalid
        case .afterE0: 0xA0...0xBF ~= byte ? .oneMissing : .invalid
        case .afterED: 0x80...0x9F ~= byte ? .oneMissing : .invalid
        case .afterF0: 0x90...0xBF ~= byte ? .twoMissing : .invalid
        case .afterF4: 0x80...0x8F ~= byte ? .twoMissing : .invalid
        case .invalid: .invalid
        }
    }

    /// Whether `bytes` are UTF-8 as a whole.
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var validator = UTF8Validator()
        return validator.append(bytes) && validator.isComplete
    }
}
