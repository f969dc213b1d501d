/// Which source a value came from. Later cases win over earlier ones.
package enum SettingOrigin: Equatable, Sendable, CustomStringConvertible {
    /// The built-in default.
    case standard
    /// The default that `--dev` puts in its place.
    case development
    case file(String, line: Int)
    /// Name of the variable.
    case environment(String)
    case flag

    package var description: String {
        switch self {
        case .standard: "default"
        case .development: "--dev"
        case .file(let path, let line): line > 0 ? "\(path):\(line)" : path
        case .environment(let name): name
        case .flag: "flag"
        }
    }

    /// Sources whose values are one text each: lists arrive comma separated or as JSON.
    var isPlainText: Bool {
        switch self {
        case .environment, .flag, .development: true
        case .standard, .file: false
        }
    }
}
