import PharosBytes

/// The mark in each message of the bench.
///
/// By it the receiver knows which message it is and how old.
///
/// On the wire `~`, four hexadecimal numbers of fixed width, `~`: 40 bytes that no encoding of a peer changes.
struct BenchMarker: Equatable {
    static let size = 40
    private static let edge = UInt8(ascii: "~")

    /// Monotonic nanoseconds when the message was written.
    var sentAt: UInt64
    /// Counts the messages of one channel, from 0.
    var sequence: UInt32
    /// Below 2^24.
    var channel: UInt32
    /// The low bits of the count of all messages.
    var number: UInt32

    init(sentAt: UInt64, sequence: UInt32, channel: UInt32, number: UInt32) {
        self.sentAt = sentAt
        self.sequence = sequence
        self.channel = channel
        self.number = number
    }

    func append(to writer: inout ByteWriter) {
        writer.append(Self.edge)
        Self.append(sentAt, digits: 16, to: &writer)
        Self.append(UInt64(sequence), digits: 8, to: &writer)
        Self.append(UInt64(channel), digits: 6, to: &writer)
        Self.append(UInt64(number), digits: 8, to: &writer)
        writer.append(Self.edge)
    }

    /// The marker at the start of `bytes`, which are at least `size`; nil: it is none.
    init?(_ bytes: UnsafePointer<UInt8>) {
        guard bytes[0] == Self.edge, bytes[Self.size - 1] == Self.edge,
            let sentAt = Self.number(bytes + 1, digits: 16), let sequence = Self.number(bytes + 17, digits: 8),
            let channel = Self.number(bytes + 25, digits: 6), let number = Self.number(bytes + 31, digits: 8)
        else { return nil }
        self.sentAt = sentAt
        self.sequence = UInt32(truncatingIfNeeded: sequence)
        self.channel = UInt32(truncatingIfNeeded: channel)
        self.number = UInt32(truncatingIfNeeded: number)
    }

    private static func append(_ value: UInt64, digits: Int, to writer: inout ByteWriter) {
        for index in stride(from: digits - 1, through: 0, by: -1) {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(index * 4)) & 15
            writer.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }

    @inline(__always)
    private static func number(_ text: UnsafePointer<UInt8>, digits: Int) -> UInt64? {
        var value: UInt64 = 0
        for index in 0..<digits {
            let byte = text[index]
            let digit = byte &- UInt8(ascii: "0")
            let letter = byte &- UInt8(ascii: "a")
            guard digit < 10 || letter < 6 else { return nil }
            value = value << 4 | UInt64(digit < 10 ? digit : letter + 10)
        }
        return value
    }
}
