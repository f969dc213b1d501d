/// The time of a stream's leader, which decides what has expired.
///
/// This machine's clock may say something else, and so may other servers'. It is the time that the leader named last, and
/// what has passed here since.
struct ServerClock {
    private var aheadMs: Int64?

    /// The leader has named its time just now.
    mutating func note(_ serverMs: Int64?, nowMs: Int64) {
        guard let serverMs else { return }
        aheadMs = serverMs - nowMs
    }

    /// Milliseconds since 1970.
    ///
    /// - Parameters:
    ///   - nowMs: monotonic.
    ///   - wallMs: this machine's clock, used until a server has named its time.
    func now(nowMs: Int64, wallMs: Int64) -> Int64 { aheadMs.map { nowMs + $0 } ?? wallMs }

    /// Reads RFC 3339 in UTC, as servers write it: milliseconds since 1970.
    ///
    /// nil for anything else.
    static func milliseconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z") else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            var value: Int64 = 0
            for byte in bytes[range] {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19)
        else { return nil }
        var fraction: Int64 = 0
        if bytes[19] == UInt8(ascii: ".") {
            let digits = bytes[20..<(bytes.count - 1)].prefix(3)
            guard let read = number(digits.startIndex..<digits.endIndex) else { return nil }
            fraction = read
            for _ in digits.count..<3 { fraction *= 10 }
        }
        // Days from the civil date: years begin in March.
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        return ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1_000 + fraction
    }
}
