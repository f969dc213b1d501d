/// A command and its arguments, as it is sent to Redis.
package struct RedisCommand: Equatable, Sendable, ExpressibleByArrayLiteral {
    /// The name first.
    package var arguments: [RedisArgument]

    package init(_ arguments: [RedisArgument]) { self.arguments = arguments }

    package init(arrayLiteral arguments: RedisArgument...) { self.arguments = arguments }
}

/// One argument of a command; each is sent as a bulk string.
package enum RedisArgument: Equatable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    case bytes([UInt8])
    /// The UTF-8 bytes of a text.
    case text(String)
    /// A number in decimal.
    case integer(Int64)

    package init(stringLiteral text: String) { self = .text(text) }

    package init(integerLiteral number: Int64) { self = .integer(number) }
}
