extension RESPParser {
    /// The value of a line that is a value by itself.
    static func scalar(_ line: [UInt8]) throws(RESPError) -> RESPValue {
        switch line[0] {
        case UInt8(ascii: "+"): return .simpleString(Array(line[1...]))
        case UInt8(ascii: "-"): return .error(Array(line[1...]))
        case UInt8(ascii: ":"): return .integer(try RESPNumber.integer(line))
        case UInt8(ascii: ","): return .double(try RESPNumber.double(line))
        case UInt8(ascii: "("): return .bigNumber(try RESPNumber.bigNumber(line))
        case UInt8(ascii: "_"):
            guard line.count == 1 else { throw .malformedNull }
            return .null
        case UInt8(ascii: "#"):
            guard line.count == 2 else { throw .malformedBoolean }
            switch line[1] {
            case UInt8(ascii: "t"): return .boolean(true)
            case UInt8(ascii: "f"): return .boolean(false)
            default: throw .malformedBoolean
            }
        // A part of a streamed string, and the end of a streamed aggregate.
        case UInt8(ascii: ";"), UInt8(ascii: "."): throw .streamed
        default: throw .unknownType(line[0])
        }
    }

    /// The value of a payload, by the type in front of its length.
    static func value(_ type: UInt8, payload: [UInt8]) throws(RESPError) -> RESPValue {
        switch type {
        case UInt8(ascii: "!"): return .bulkError(payload)
        case UInt8(ascii: "="):
            guard payload.count >= 4, payload[3] == UInt8(ascii: ":") else { throw .malformedVerbatimString }
            return .verbatimString(format: Array(payload[..<3]), text: Array(payload[4...]))
        default: return .bulkString(payload)
        }
    }
}
