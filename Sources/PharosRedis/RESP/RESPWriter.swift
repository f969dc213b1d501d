package import PharosBytes

/// The outbound side of a Redis connection: commands as arrays of bulk strings.
///
/// By "Redis serialization protocol specification", "Sending commands to a Redis server". Commands may follow each other
/// without waiting for replies. Not thread-safe.
package struct RESPWriter: ~Copyable {
    package private(set) var output: ByteWriter
    /// Arguments that the command begun last still needs.
    private var missing = 0

    package init(capacity: Int = 1_024) { output = ByteWriter(capacity: capacity) }

    package mutating func append(_ command: RedisCommand) {
        begin(argumentCount: command.arguments.count)
        for argument in command.arguments {
            switch argument {
            case .bytes(let bytes): append(argument: bytes)
            case .text(let text): append(argument: text)
            case .integer(let number): append(argument: number)
            }
        }
    }

    package mutating func append(_ pipeline: [RedisCommand]) {
        for command in pipeline { append(command) }
    }

    /// Begins a command of arguments that are appended one by one.
    ///
    /// Exactly as many must follow.
    ///
    /// - Parameter argumentCount: with the name; at least 1.
    package mutating func begin(argumentCount: Int) {
        precondition(missing == 0, "the command before has arguments to come")
        precondition(argumentCount > 0, "a command has a name")
        missing = argumentCount
        output.append(UInt8(ascii: "*"))
        output.appendDecimal(UInt64(argumentCount))
        output.append("\r\n")
    }

    package mutating func append(argument bytes: [UInt8]) {
        bytes.withUnsafeBytes { append(argument: $0) }
    }

    package mutating func append(argument text: String) {
        var text = text
        text.withUTF8 { append(argument: UnsafeRawBufferPointer($0)) }
    }

    package mutating func append(argument number: Int64) {
        beginArgument(count: RESPWriter.decimalCount(number))
        output.appendDecimal(number)
        output.append("\r\n")
    }

    package mutating func append(argument bytes: UnsafeRawBufferPointer) {
        beginArgument(count: bytes.count)
        output.append(bytes)
        output.append("\r\n")
    }

    /// Forgets what was written; the memory is kept.
    package mutating func removeAll() {
        precondition(missing == 0, "the command before has arguments to come")
        output.removeAll()
    }

    /// Forgets the first bytes; copies the rest to new memory.
    mutating func removeFirst(_ count: Int) {
        var rest = ByteWriter(capacity: output.count - count)
        output.withBytes { rest.append(UnsafeRawBufferPointer(rebasing: $0[count...])) }
        output = rest
    }

    private mutating func beginArgument(count: Int) {
        precondition(missing > 0, "an argument belongs to a command begun")
        missing -= 1
        output.append(UInt8(ascii: "$"))
        output.appendDecimal(UInt64(count))
        output.append("\r\n")
    }

    /// Bytes of a number in decimal, with its sign.
    private static func decimalCount(_ number: Int64) -> Int {
        var count = number < 0 ? 2 : 1
        var rest = number.magnitude
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }
}
