extension FossilDelta {
    /// The target that `delta` makes out of `base`.
    ///
    /// Strict: numbers without leading zeros, the exact length, the right checksum, and nothing after it. Only as much is
    /// allocated as segments really bring, whatever the delta announces.
    /// - Parameter limit: the most bytes that the target may have.
    package static func apply(
        _ delta: [UInt8], to base: [UInt8], limit: Int
    ) throws(FossilDeltaError) -> [UInt8] {
        var reader = FossilDeltaReader(delta: delta)
        let count = try reader.number()
        guard try reader.byte() == UInt8(ascii: "\n") else { throw .malformed("no newline after the length") }
        guard count <= limit else { throw .tooLong(limit: limit) }
        var target: [UInt8] = []
        target.reserveCapacity(min(count, base.count + delta.count))
        while true {
            let number = try reader.number()
            switch try reader.byte() {
            case UInt8(ascii: "@"):
                let offset = try reader.number()
                guard try reader.byte() == UInt8(ascii: ",") else { throw .malformed("no comma after a copy") }
                guard number <= count - target.count else { throw .malformed("more than announced") }
                guard offset <= base.count, number <= base.count - offset else { throw .wrongBase }
                target += base[offset..<(offset + number)]
            case UInt8(ascii: ":"):
                guard number <= count - target.count else { throw .malformed("more than announced") }
                target += try reader.bytes(number)
            case UInt8(ascii: ";"):
                guard reader.isAtEnd else { throw .malformed("something follows the checksum") }
                guard target.count == count else { throw .malformed("less than announced") }
                guard target.withUnsafeBytes({ checksum($0) }) == UInt32(number) else { throw .wrongBase }
                return target
            default:
                throw .malformed("unknown segment")
            }
        }
    }
}

/// A cursor over a delta.
private struct FossilDeltaReader {
    let delta: [UInt8]
    private var index = 0

    init(delta: [UInt8]) { self.delta = delta }

    var isAtEnd: Bool { index == delta.count }

    mutating func byte() throws(FossilDeltaError) -> UInt8 {
        guard index < delta.count else { throw .malformed("truncated") }
        defer { index += 1 }
        return delta[index]
    }

    mutating func bytes(_ count: Int) throws(FossilDeltaError) -> ArraySlice<UInt8> {
        guard count <= delta.count - index else { throw .malformed("truncated") }
        defer { index += count }
        return delta[index..<(index + count)]
    }

    /// A number of 32 bits.
    mutating func number() throws(FossilDeltaError) -> Int {
        let start = index
        var number = 0
        while index < delta.count, let digit = value(delta[index]) {
            guard index == start || number > 0 else { throw .malformed("number with a leading zero") }
            number = number << 6 | digit
            guard number <= UInt32.max else { throw .malformed("number beyond 32 bits") }
            index += 1
        }
        guard index > start else { throw .malformed("number expected") }
        return number
    }

    private func value(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(byte - UInt8(ascii: "A")) + 10
        case UInt8(ascii: "_"): 36
        case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(byte - UInt8(ascii: "a")) + 37
        case UInt8(ascii: "~"): 63
        default: nil
        }
    }
}
