/// Lengths of time as operators write them.
///
/// `25s`, `1m30s`, `720h`, `500ms`; a plain integer is seconds.
package enum DurationText {
    /// The seconds that `text` means, or nil if it is not a length of time.
    package static func seconds(_ text: String) -> Double? {
        guard !text.isEmpty, text.utf8.count <= 32 else { return nil }
        if text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) { return Double(text) }
        var total = 0.0
        var rest = Substring(text)
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unit.count)
            // `Double` would also take `.5` and `5.`, which are more likely slips than meant.
            guard let first = number.first, let last = number.last, first.isNumber, last.isNumber,
                let amount = Double(number), let scale = secondsPerUnit[String(unit)]
            else { return nil }
            total += amount * scale
        }
        return total
    }

    /// The shortest text that `seconds(_:)` reads back, exact to the millisecond.
    package static func text(_ seconds: Double) -> String {
        var left = Int((seconds * 1000).rounded())
        if left == 0 { return "0s" }
        var result = ""
        for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] where left >= size {
            result += "\(left / size)\(unit)"
            left %= size
        }
        return result
    }

    private static let secondsPerUnit = ["h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001]
}
