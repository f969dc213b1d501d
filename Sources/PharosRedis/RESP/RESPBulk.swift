/// A payload of announced length that arrives in pieces.
///
/// With the line break after it.
struct RESPBulk {
    /// Bytes reserved before any have arrived, at most.
    private static let firstReservation = 65_536

    /// The byte that the line before it began with.
    let type: UInt8
    private let length: Int
    private var bytes: [UInt8] = []
    private var hasReturn = false

    init(type: UInt8, length: Int) {
        self.type = type
        self.length = length
    }

    /// Takes what has arrived; returns the payload once it and its end are whole.
    mutating func take(from input: inout UnsafeRawBufferPointer) throws(RESPError) -> [UInt8]? {
        if bytes.count < length {
            let count = min(length - bytes.count, input.count)
            if bytes.isEmpty, count > 0 { bytes.reserveCapacity(min(length, max(count, RESPBulk.firstReservation))) }
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: input[..<count]))
            input = UnsafeRawBufferPointer(rebasing: input[count...])
            guard bytes.count == length else { return nil }
        }
        if !hasReturn {
            guard let byte = input.first else { return nil }
            guard byte == UInt8(ascii: "\r") else { throw .missingTerminator }
            input = UnsafeRawBufferPointer(rebasing: input[1...])
            hasReturn = true
        }
        guard let byte = input.first else { return nil }
        guard byte == UInt8(ascii: "\n") else { throw .missingTerminator }
        input = UnsafeRawBufferPointer(rebasing: input[1...])
        return bytes
    }
}
