/// Moments as RFC 3339 writes them, in UTC with milliseconds.
///
/// For example `2026-01-02T03:04:05.678Z`.
package enum RFC3339 {
    /// - Parameter ms: milliseconds since 1970, up to the end of the year 9999.
    package static func text(ms: Int64) -> String {
        let (days, time) = ms.quotientAndRemainder(dividingBy: 86_400_000)
        let date = civil(daysSince1970: time < 0 ? days - 1 : days)
        var rest = time < 0 ? time + 86_400_000 : time
        var digits: [UInt8] = []
        digits.reserveCapacity(24)
        append(date.year, 4, "-", to: &digits)
        append(date.month, 2, "-", to: &digits)
        append(date.day, 2, "T", to: &digits)
        append(rest / 3_600_000, 2, ":", to: &digits)
        rest %= 3_600_000
        append(rest / 60_000, 2, ":", to: &digits)
        rest %= 60_000
        append(rest / 1_000, 2, ".", to: &digits)
        append(rest % 1_000, 3, "Z", to: &digits)
        return String(decoding: digits, as: UTF8.self)
    }

    private static func append(_ number: Int64, _ width: Int, _ separator: Unicode.Scalar, to digits: inout [UInt8]) {
        var rest = number
        let first = digits.count
        for _ in 0..<width { digits.append(UInt8(ascii: "0")) }
        for index in stride(from: first + width - 1, through: first, by: -1) {
            digits[index] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        digits.append(UInt8(ascii: separator))
    }

    /// The Gregorian date.
    ///
    /// Counting years from March puts the leap day at a year's end, where it disturbs nothing.
    private static func civil(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, day)
    }
}
