/// Why a reply is not what its reader asked for.
package enum RedisReplyError: Error, Equatable, Sendable {
    /// The server answered an error.
    case server(RedisServerError)
    /// A value of another type.
    case unexpected(found: RESPType, expected: RESPType)
    /// A text that is no UTF-8.
    case invalidText
    /// A flat array of pairs with a key and no value at its end.
    case oddCount(Int)
    /// An element that the reader needs is missing.
    case missing(String)
}

/// The type of a `RESPValue`, for messages.
package enum RESPType: String, Sendable {
    case simpleString, error, integer, bulkString, array, null, boolean, double, bigNumber, verbatimString, bulkError
    case map, set, push
}

extension RESPValue {
    /// The type of the value, without attributes.
    package var type: RESPType {
        switch self {
        case .simpleString: .simpleString
        case .error: .error
        case .integer: .integer
        case .bulkString: .bulkString
        case .array: .array
        case .null: .null
        case .boolean: .boolean
        case .double: .double
        case .bigNumber: .bigNumber
        case .verbatimString: .verbatimString
        case .bulkError: .bulkError
        case .map: .map
        case .set: .set
        case .push: .push
        case .attributed(_, let value): value.type
        }
    }
}
