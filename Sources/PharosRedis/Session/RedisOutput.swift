import PharosBytes

/// The bytes that a session wants sent, and how many it has had sent before.
struct RedisOutput: ~Copyable {
    /// Bytes sent are dropped from the front once they are as many, and half of all.
    private static let compaction = 65_536

    private var writer = RESPWriter()
    private var start = 0
    /// Bytes sent since the session began.
    private(set) var sentOffset: UInt64 = 0

    /// Where the next command will begin, counted like `sentOffset`.
    var endOffset: UInt64 { sentOffset + UInt64(count) }
    /// Bytes to be sent.
    var count: Int { writer.output.count - start }

    mutating func append(_ command: RedisCommand) { writer.append(command) }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        writer.output.withBytes { body(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    }

    mutating func markSent(_ sent: Int) {
        precondition((0...count).contains(sent), "no more is sent than there is")
        sentOffset += UInt64(sent)
        start += sent
        if count == 0 {
            writer.removeAll()
            start = 0
        } else if start >= RedisOutput.compaction, start >= count {
            writer.removeFirst(start)
            start = 0
        }
    }

    /// Drops what has not been sent.
    mutating func removeAll() {
        writer = RESPWriter(capacity: 16)
        start = 0
    }
}
