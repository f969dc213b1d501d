/// A value on its way out.
///
/// It goes to `config show`, `config default` and the reference page.
package enum SettingValue: Equatable, Sendable {
    case bool(Bool)
    case integer(Int)
    /// Seconds.
    case duration(Double)
    case text(String)
    case secret(String)
    case list([String])
    /// Only the names: their texts may be secrets.
    case map([String])
    case sections([[Field]])

    package struct Field: Equatable, Sendable {
        package var name: String
        package var value: SettingValue
    }

    /// One line of YAML that reads back as this value.
    ///
    /// A secret shows only its length.
    package var display: String {
        switch self {
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .duration(let seconds): DurationText.text(seconds)
        case .text(let text): Self.quoted(text)
        case .secret(let text): text.isEmpty ? "(not set)" : "(set, \(text.count) characters)"
        case .list(let items): "[" + items.map(Self.quoted).joined(separator: ", ") + "]"
        case .map(let names): "{" + names.map { Self.quoted($0) + ": (set)" }.joined(separator: ", ") + "}"
        case .sections(let items): items.isEmpty ? "[]" : "(\(items.count) entries)"
        }
    }

    /// The text, plain or in double quotes.
    ///
    /// It is plain where YAML and JSON cannot take it for anything else.
    static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
            default: false
            }
        }
        if isPlain, !text.isEmpty, !wordsWithMeaning.contains(text.lowercased()) { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static let wordsWithMeaning: Set<String> = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
}
