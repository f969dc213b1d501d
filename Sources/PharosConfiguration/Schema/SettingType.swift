/// The values that may stand behind a key.
package indirect enum SettingType: Sendable {
    case bool
    case integer(ClosedRange<Int>)
    /// Bounds in seconds. `whole`: fractions of a second are refused.
    case duration(ClosedRange<Double>, whole: Bool)
    case text
    /// Text that is never printed.
    case secret
    case choice([String])
    /// A list of texts; comma separated or JSON in a variable.
    case list
    /// A list of some of these words; written as any list of texts.
    case choices([String])
    /// Names and texts of the operator's own choice.
    case map
    /// A list of sections with these keys; JSON in a variable.
    case sections([SettingDescription])

    /// One or two words for the reference page and for messages.
    package var name: String {
        switch self {
        case .bool: "boolean"
        case .integer: "integer"
        case .duration: "duration"
        case .text: "text"
        case .secret: "secret"
        case .choice(let names): names.map { $0.isEmpty ? "`\"\"`" : "`\($0)`" }.joined(separator: ", ")
        case .list: "list of texts"
        case .choices(let names): "list of " + names.map { "`\($0)`" }.joined(separator: ", ")
        case .map: "section of texts"
        case .sections: "list of sections"
        }
    }
}

/// A key without the way to its value: what the reference page and the tests need.
package struct SettingDescription: Sendable {
    /// Dotted; inside a list of sections, relative to the item.
    package var name: String
    package var type: SettingType
    package var summary: String
    package var standard: SettingValue
    /// The only accepted value of a key known from other servers.
    ///
    /// nil for keys that work.
    package var onlyAccepts: String?
}
