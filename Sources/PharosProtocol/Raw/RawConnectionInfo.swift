package import PharosBytes

/// Facts about one raw connection, with times in ms since 1970.
package struct RawConnectionInfo: Equatable, Sendable {
    package var connectedAtMs: Int64
    package var lastActiveAtMs: Int64
    /// The client's address.
    package var address: String

    package init(connectedAtMs: Int64, lastActiveAtMs: Int64, address: String) {
        self.connectedAtMs = connectedAtMs
        self.lastActiveAtMs = lastActiveAtMs
        self.address = address
    }

    /// Appends the facts as a JSON object.
    ///
    /// `{"connectedAt":"2025-01-31T12:00:00.000Z","identity":{"sourceIp":"192.0.2.1"},"lastActiveAt":"…"}`
    package func encode(into writer: inout ByteWriter) {
        writer.beginJSONObject()
        writer.jsonName("connectedAt")
        writer.appendJSONDate(connectedAtMs)
        writer.beginJSONObject("identity")
        writer.jsonName("sourceIp")
        writer.appendJSONString(address)
        writer.endJSONObject()
        writer.jsonName("lastActiveAt")
        writer.appendJSONDate(lastActiveAtMs)
        writer.endJSONObject()
    }
}

extension ByteWriter {
    /// A date of RFC 3339, in UTC, as a JSON string.
    fileprivate mutating func appendJSONDate(_ milliseconds: Int64) {
        let (days, dayMs) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        // The days of the proleptic Gregorian calendar, counted from the first of March of the year 0 so that the leap day
        // comes last.
        let shifted = max(days, 0) + 719_468
        let era = shifted / 146_097
        let ofEra = shifted % 146_097
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let dayOfYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let timeMs = max(dayMs, 0)
        append(UInt8(ascii: "\""))
        appendPadded(year, 4)
        append(UInt8(ascii: "-"))
        appendPadded(month, 2)
        append(UInt8(ascii: "-"))
        appendPadded(day, 2)
        append(UInt8(ascii: "T"))
        appendPadded(timeMs / 3_600_000, 2)
        append(UInt8(ascii: ":"))
        appendPadded(timeMs / 60_000 % 60, 2)
        append(UInt8(ascii: ":"))
        appendPadded(timeMs / 1_000 % 60, 2)
        append(UInt8(ascii: "."))
        appendPadded(timeMs % 1_000, 3)
        append(UInt8(ascii: "Z"))
        append(UInt8(ascii: "\""))
    }

    private mutating func appendPadded(_ number: Int64, _ digits: Int) {
        var power: Int64 = 1
        for _ in 1..<digits { power *= 10 }
        while power > 1, number < power {
            append(UInt8(ascii: "0"))
            power /= 10
        }
        appendDecimal(number)
    }
}
