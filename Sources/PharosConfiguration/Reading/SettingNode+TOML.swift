import PharosTOML

extension SettingNode {
    /// Reads one TOML document.
    ///
    /// `origin` gives each value's position from its line.
    static func parse(toml text: String, origin: (Int) -> SettingOrigin) throws(DocumentError) -> SettingNode {
        do throws(TOMLError) {
            return convert(try TOMLDocument.parse(text), origin)
        } catch {
            throw DocumentError(message: "not valid TOML: \(error.message)", line: error.line)
        }
    }

    private static func convert(_ node: TOMLNode, _ origin: (Int) -> SettingOrigin) -> SettingNode {
        let content: Content =
            switch node.value {
            case .text(let text), .plain(let text): .text(text)
            case .list(let items): .list(items.map { convert($0, origin) })
            case .table(let entries):
                .mapping(
                    entries.map { Entry(key: $0.key, origin: origin($0.line), value: convert($0.node, origin)) })
            }
        return SettingNode(content: content, origin: origin(node.line))
    }
}
