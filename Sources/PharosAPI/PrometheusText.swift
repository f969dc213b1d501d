/// The rules of Prometheus' text format 0.0.4 for names, labels, texts and numbers.
enum PrometheusText {
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`: any other character becomes `_`.
    static func name(_ text: String) -> String {
        sanitized(text, allowsColon: true)
    }

    /// `{name="value",…}` in the order of the names, empty without labels.
    ///
    /// Of equal names the first one counts.
    static func labels(_ dimensions: [(String, String)]) -> String {
        var known: [String: String] = [:]
        for (name, value) in dimensions {
            var name = sanitized(name, allowsColon: false)
            // `le` is the histogram's own label, and names that begin with `__` are Prometheus'.
            if name == "le" || name.hasPrefix("__") { name = "label_\(name)" }
            if known[name] == nil { known[name] = value }
        }
        guard !known.isEmpty else { return "" }
        let pairs = known.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escaped($0.value))\"" }
        return "{\(pairs.joined(separator: ","))}"
    }

    /// `labels` with one more at the end.
    static func adding(_ name: String, _ value: String, to labels: String) -> String {
        let pair = "\(name)=\"\(value)\""
        return labels.isEmpty ? "{\(pair)}" : "\(labels.dropLast()),\(pair)}"
    }

    static func help(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The shortest text that reads back as the same number.
    ///
    /// Whole numbers have no fraction.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return "\(value)"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func sanitized(_ text: String, allowsColon: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": result.unicodeScalars.append(scalar)
            case "0"..."9":
                if result.isEmpty { result = "_" }
                result.unicodeScalars.append(scalar)
            case ":" where allowsColon: result.unicodeScalars.append(scalar)
            default: result += "_"
            }
        }
        return result.isEmpty ? "_" : result
    }
}
