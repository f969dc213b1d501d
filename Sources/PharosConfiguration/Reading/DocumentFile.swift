/// Files with settings: YAML, JSON, and by the end of their name TOML.
enum DocumentFile {
    /// The keys at the top of a file; none if it is empty.
    ///
    /// - Throws: one problem with its line, which shows no value.
    static func read(_ path: String) throws(ConfigurationError) -> [SettingNode.Entry] {
        let text: String
        do throws(TextFile.ReadError) {
            text = try TextFile.read(path)
        } catch {
            throw problem(path, 0, "cannot be read: \(error.message)")
        }
        let document: SettingNode
        do throws(DocumentError) {
            let origin = { SettingOrigin.file(path, line: $0) }
            document = try path.hasSuffix(".toml") ? .parse(toml: text, origin: origin) : .parse(text, origin: origin)
        } catch {
            throw problem(path, error.line, error.message)
        }
        switch document.content {
        case .mapping(let entries): return entries
        case .nothing: return []
        default:
            let message = "expected keys and values, found \(document.kind)"
            throw ConfigurationError(problems: [.init(key: "", origin: document.origin, message: message)])
        }
    }

    private static func problem(_ path: String, _ line: Int, _ message: String) -> ConfigurationError {
        ConfigurationError(problems: [.init(key: "", origin: .file(path, line: line), message: message)])
    }
}
