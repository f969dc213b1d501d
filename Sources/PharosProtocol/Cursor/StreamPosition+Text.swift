package import PharosDomain

/// A position as one word: `epoch:offset`, or `offset` if the epoch is not known.
extension StreamPosition {
    /// Bytes of an epoch that is taken from outside.
    static let epochLimit = 64

    /// Reads the word.
    ///
    /// Strict: a decimal number without leading zeros after an epoch of letters, digits, `-` and `_`.
    package init(text: String) throws(CursorError) {
        let bytes = Array(text.utf8)
        let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
        let epoch = bytes[..<(colon ?? 0)]
        guard StreamPosition.isEpoch(epoch), let offset = StreamPosition.offset(bytes[(colon.map { $0 + 1 } ?? 0)...])
        else { throw .malformed }
        self.init(offset: offset, epoch: Epoch(decoding: epoch))
    }

    /// The word.
    package var text: String { epoch.isEmpty ? String(offset) : "\(epoch):\(offset)" }

    static func isEpoch(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.count <= epochLimit && bytes.allSatisfy(isEpochCharacter)
    }

    /// Whether `byte` may stand in an epoch or a session's key.
    ///
    /// Such characters need no escaping anywhere.
    static func isEpochCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// A number of 64 bits in its only form.
    static func offset(_ digits: some Collection<UInt8>) -> UInt64? {
        guard let first = digits.first, digits.count <= 20, first != UInt8(ascii: "0") || digits.count == 1 else {
            return nil
        }
        var number: UInt64 = 0
        for digit in digits {
            guard digit &- UInt8(ascii: "0") < 10 else { return nil }
            let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
            guard !overflow, !carry else { return nil }
            number = sum
        }
        return number
    }
}
