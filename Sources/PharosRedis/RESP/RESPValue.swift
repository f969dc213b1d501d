/// One value of the Redis serialization protocol, version 2 or 3.
///
/// By the RESP3 specification. Strings are bytes: Redis promises no encoding.
package enum RESPValue: Equatable, Sendable {
    /// `+`: a short text of the server, without line breaks.
    case simpleString([UInt8])
    /// `-`: an error, without line breaks.
    case error([UInt8])
    /// `:`
    case integer(Int64)
    /// `$`
    case bulkString([UInt8])
    /// `*`
    case array([RESPValue])
    /// `_`, and the null bulk string and null array of RESP2.
    case null
    /// `#`
    case boolean(Bool)
    /// `,`
    case double(Double)
    /// `(`: decimal digits, with their sign if one was sent.
    case bigNumber([UInt8])
    /// `=`: a text and the three bytes that name its format, such as `txt`.
    indirect case verbatimString(format: [UInt8], text: [UInt8])
    /// `!`: an error of any bytes.
    case bulkError([UInt8])
    /// `%`: pairs in the order of the server, which may repeat keys.
    case map([RESPPair])
    /// `~`: elements in the order of the server, which may repeat.
    case set([RESPValue])
    /// `>`: out of band; never within another value.
    case push([RESPValue])
    /// `|`: a value, and what the server says about it.
    indirect case attributed(attributes: [RESPPair], value: RESPValue)

    /// The value without the attributes that precede it.
    ///
    /// Those of its elements stay.
    package var withoutAttributes: RESPValue {
        var value = self
        while case .attributed(_, let inner) = value { value = inner }
        return value
    }
}

/// A key and its value, of a map or of attributes.
package struct RESPPair: Equatable, Sendable {
    package let key: RESPValue
    package let value: RESPValue

    package init(_ key: RESPValue, _ value: RESPValue) {
        self.key = key
        self.value = value
    }
}
