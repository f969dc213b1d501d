/// Why bytes are not a value of the protocol, or not one within the limits.
package enum RESPError: Error, Equatable, Sendable {
    /// A value begins with a byte that is no type.
    case unknownType(UInt8)
    /// A carriage return or a line feed without the other, or a line of no bytes.
    case malformedLine
    /// The payload of a bulk string does not end with a line break.
    case missingTerminator
    /// A length that is no decimal number from 0, nor the -1 of a null in RESP2.
    case malformedLength
    /// No decimal number of 64 bits with a sign.
    case malformedInteger
    case malformedNull
    case malformedBoolean
    case malformedDouble
    case malformedBigNumber
    /// The format, three bytes and a colon, is missing.
    case malformedVerbatimString
    /// A string or aggregate without a length in front, which is not supported.
    case streamed
    /// A push within another value.
    case nestedPush
    /// More than `RESPLimits.lineBytes`.
    case lineTooLong
    /// More than `RESPLimits.bulkBytes`.
    case bulkTooLong
    /// More than `RESPLimits.elements`.
    case tooManyElements
    /// More than `RESPLimits.depth`.
    case tooDeep
    /// More than `RESPLimits.valueBytes`.
    case valueTooLong
}
