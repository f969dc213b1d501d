/// One line of the log, in the form for people or as JSON.
///
/// What a client or another server has sent may stand in messages and values. Whatever it holds, it stays within its
/// value and its line: characters that end or reorder lines are written as escapes in both forms.
package enum LogLine {
    /// The line as text, with its end.
    ///
    /// `2026-01-02T03:04:05.678Z warning origin refused address=10.0.0.1 origin="https://a b"`
    package static func text(
        timeMs: Int64, level: String, message: String, fields: [(name: String, value: String)]
    ) -> String {
        var line = "\(RFC3339.text(ms: timeMs)) \(level) "
        appendEscaped(message, to: &line)
        for (name, value) in fields {
            line += " \(name)="
            let isPlain = value.unicodeScalars.allSatisfy { $0 != " " && $0 != "\"" && $0 != "=" && !isUnsafe($0) }
            if isPlain, !value.isEmpty {
                line += value
            } else {
                line += "\""
                appendEscaped(value, quotes: true, to: &line)
                line += "\""
            }
        }
        return line + "\n"
    }

    /// The line as JSON, with its end.
    ///
    /// `{"time":"2026-01-02T03:04:05.678Z","level":"warning","message":"…","address":"10.0.0.1"}`
    package static func json(
        timeMs: Int64, level: String, message: String, fields: [(name: String, value: String)]
    ) -> String {
        var line = "{\"time\":\"\(RFC3339.text(ms: timeMs))\",\"level\":\"\(level)\",\"message\":"
        appendQuoted(message, to: &line)
        for (name, value) in fields {
            line += ","
            // The three names above are the line's own.
            appendQuoted(["time", "level", "message"].contains(name) ? "\(name)_" : name, to: &line)
            line += ":"
            appendQuoted(value, to: &line)
        }
        return line + "}\n"
    }

    /// `text` as one line that a terminal or a log reader shows as it is.
    ///
    /// Nothing in it is obeyed as a control.
    ///
    /// - Parameter limit: scalars that are kept; 0: all.
    package static func escaped(_ text: String, limit: Int = 0) -> String {
        var result = ""
        appendEscaped(text, limit: limit, to: &result)
        return result
    }

    private static func appendEscaped(_ text: String, quotes: Bool = false, limit: Int = 0, to line: inout String) {
        var count = 0
        for scalar in text.unicodeScalars {
            if limit > 0, count == limit {
                line += "…"
                return
            }
            count += 1
            switch scalar {
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case "\"" where quotes: line += "\\\""
            case "\\" where quotes: line += "\\\\"
            case _ where isUnsafe(scalar): line += "\\u{\(String(scalar.value, radix: 16))}"
            default: line.unicodeScalars.append(scalar)
            }
        }
    }

    private static func appendQuoted(_ text: String, to line: inout String) {
        line += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": line += "\\\""
            case "\\": line += "\\\\"
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case _ where isUnsafe(scalar):
                for unit in Character(scalar).utf16 {
                    let code = String(unit, radix: 16)
                    line += "\\u" + String(repeating: "0", count: 4 - code.count) + code
                }
            default: line.unicodeScalars.append(scalar)
            }
        }
        line += "\""
    }

    /// Whether a character could deceive a reader of the log.
    ///
    /// These are controls, marks of direction and others without a shape, and those that some readers take for the end
    /// of a line.
    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7f }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }
}
