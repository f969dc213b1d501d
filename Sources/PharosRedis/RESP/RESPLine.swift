/// A line that arrives in pieces: up to a carriage return and a line feed.
///
/// Each byte is looked at once.
struct RESPLine {
    /// The line without its end; whole when `take` returned true.
    private(set) var bytes: [UInt8] = []
    private var hasReturn = false

    /// Takes the line, or all input if it is not whole yet; false in the second case.
    mutating func take(from input: inout UnsafeRawBufferPointer, limit: Int) throws(RESPError) -> Bool {
        if hasReturn { return try takeLineFeed(from: &input) }
        let room = limit - bytes.count
        var end = 0
        while end < input.count, input[end] != UInt8(ascii: "\r") {
            guard input[end] != UInt8(ascii: "\n") else { throw .malformedLine }
            guard end < room else { throw .lineTooLong }
            end += 1
        }
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: input[..<end]))
        guard end < input.count else {
            input = UnsafeRawBufferPointer(rebasing: input[end...])
            return false
        }
        input = UnsafeRawBufferPointer(rebasing: input[(end + 1)...])
        hasReturn = true
        return try takeLineFeed(from: &input)
    }

    /// Prepares for the next line; the memory is kept.
    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    private mutating func takeLineFeed(from input: inout UnsafeRawBufferPointer) throws(RESPError) -> Bool {
        guard let byte = input.first else { return false }
        guard byte == UInt8(ascii: "\n"), !bytes.isEmpty else { throw .malformedLine }
        input = UnsafeRawBufferPointer(rebasing: input[1...])
        hasReturn = false
        return true
    }
}
