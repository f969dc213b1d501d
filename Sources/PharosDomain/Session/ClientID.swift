/// A connection's public name: 128 bits, written as a UUID (RFC 9562).
///
/// One half is random. The other holds where the server keeps the connection, mixed with a secret of the process.
package struct ClientID: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Bits at the top that name the incarnation of the node that gave the id.
    package static let nodeMarkBits = 24

    /// The mark of that incarnation.
    package var nodeMark: UInt64 { high >> UInt64(64 - ClientID.nodeMarkBits) }

    /// Reads the form with four hyphens; nil for any other text.
    package init?(_ name: ClientName) { self.init(name.text) }

    package init?(_ text: String) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var digits = 0
        for (index, byte) in text.utf8.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let value: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = byte - UInt8(ascii: "a") + 10
            default: return nil
            }
            if digits < 16 { high = high << 4 | UInt64(value) } else { low = low << 4 | UInt64(value) }
            digits += 1
            guard digits <= 32 else { return nil }
        }
        guard digits == 32, text.utf8.count == 36 else { return nil }
        self.high = high
        self.low = low
    }

    /// The text as a name.
    package var name: ClientName { ClientName(text) }

    package var text: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            var position = 0
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    buffer[position] = UInt8(ascii: "-")
                    position += 1
                }
                let half = digit < 16 ? high : low
                let value = UInt8(truncatingIfNeeded: half >> UInt64(60 - digit % 16 * 4)) & 15
                buffer[position] = value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
                position += 1
            }
            return 36
        }
    }
}

extension ClientID: Comparable {
    /// In the order of the texts.
    package static func < (left: ClientID, right: ClientID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

/// One instant on both clocks: monotonic for intervals, wall for dates in tokens.
package struct Moment: Equatable, Sendable {
    package var monotonicMs: Int64
    package var wallMs: Int64

    package init(monotonicMs: Int64, wallMs: Int64) {
        self.monotonicMs = monotonicMs
        self.wallMs = wallMs
    }

    package var wallSeconds: Int64 { wallMs / 1_000 }

    /// A date in seconds as milliseconds, limited to what sums can hold.
    ///
    /// The server API takes any number.
    package static func milliseconds(_ seconds: Int64) -> Int64 { min(max(seconds, 0), 4_000_000_000_000_000) * 1_000 }

    /// Whether something that ends at a date in seconds is over; 0: it never ends.
    package func isAfter(_ expireAt: Int64) -> Bool { expireAt != 0 && wallMs >= Moment.milliseconds(expireAt) }
}
