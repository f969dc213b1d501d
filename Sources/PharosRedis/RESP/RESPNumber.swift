/// The numbers of the protocol, read from a line whose first byte is their type.
enum RESPNumber {
    /// A decimal number of 64 bits, with an optional sign.
    static func integer(_ line: [UInt8]) throws(RESPError) -> Int64 {
        let isNegative = line.count > 1 && line[1] == UInt8(ascii: "-")
        let start = isNegative || line.count > 1 && line[1] == UInt8(ascii: "+") ? 2 : 1
        guard start < line.count else { throw .malformedInteger }
        var value: Int64 = 0
        for byte in line[start...] {
            guard let digit = digit(byte) else { throw .malformedInteger }
            let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
            // Counted downward when negative: the smallest number has no positive counterpart.
            let (sum, overflowed) =
                isNegative
                ? tenfold.subtractingReportingOverflow(Int64(digit)) : tenfold.addingReportingOverflow(Int64(digit))
            guard !overflow, !overflowed else { throw .malformedInteger }
            value = sum
        }
        return value
    }

    /// A length: decimal digits; nil for the -1 of a null in RESP2.
    static func length(_ line: [UInt8]) throws(RESPError) -> Int? {
        guard line.count > 1 else { throw .malformedLength }
        if line[1] == UInt8(ascii: "?"), line.count == 2 { throw .streamed }
        if line.count == 3, line[1] == UInt8(ascii: "-"), line[2] == UInt8(ascii: "1") { return nil }
        var value = 0
        for byte in line[1...] {
            guard let digit = digit(byte) else { throw .malformedLength }
            let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowed) = tenfold.addingReportingOverflow(Int(digit))
            guard !overflow, !overflowed else { throw .malformedLength }
            value = sum
        }
        return value
    }

    /// Checks the digits of a big number, which may have a sign.
    static func bigNumber(_ line: [UInt8]) throws(RESPError) -> [UInt8] {
        var digits = line[1...]
        if let sign = digits.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { digits.removeFirst() }
        guard !digits.isEmpty, digits.allSatisfy({ digit($0) != nil }) else { throw .malformedBigNumber }
        return Array(line[1...])
    }

    /// A double of a line: decimal, `inf`, `-inf` or `nan`.
    static func double(_ line: [UInt8]) throws(RESPError) -> Double {
        guard let value = double(of: line[1...]) else { throw .malformedDouble }
        return value
    }

    /// A decimal number with or without fraction and exponent, `inf` or `nan`.
    ///
    /// Returns nil if the text is none.
    /// `-nan` is accepted as well: Redis before 7.2 may send it.
    static func double(of text: ArraySlice<UInt8>) -> Double? {
        var rest = text
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest.removeFirst() }
        let isNegative = text.first == UInt8(ascii: "-")
        if rest.elementsEqual("inf".utf8) { return isNegative ? -.infinity : .infinity }
        if rest.elementsEqual("nan".utf8) { return .nan }
        guard takeDigits(&rest) else { return nil }
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            guard takeDigits(&rest) else { return nil }
        }
        if let mark = rest.first, mark | 0x20 == UInt8(ascii: "e") {
            rest.removeFirst()
            if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest.removeFirst() }
            guard takeDigits(&rest) else { return nil }
        }
        return rest.isEmpty ? Double(String(decoding: text, as: UTF8.self)) : nil
    }

    /// Takes one digit or more; false if there is none.
    private static func takeDigits(_ text: inout ArraySlice<UInt8>) -> Bool {
        let rest = text.drop { digit($0) != nil }
        defer { text = rest }
        return rest.count < text.count
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        let value = byte &- UInt8(ascii: "0")
        return value < 10 ? value : nil
    }
}
