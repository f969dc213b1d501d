/// One value of a file that is imported.
struct ImportedValue {
    /// In the names of Centrifugo's version 6, with indices.
    var key: String
    /// As the file or the environment names it.
    var written: String
    var node: SettingNode
    /// Where the key stands.
    var origin: SettingOrigin

    var pattern: String { DocumentTree.pattern(key) }

    var text: String? {
        if case .text(let text) = node.content { return text }
        return nil
    }

    /// Items that are texts, or the parts of one text.
    var texts: [String] {
        switch node.content {
        case .text(let text): text.split { $0 == "," || $0 == " " }.map(String.init)
        case .list(let items):
            items.compactMap { if case .text(let text) = $0.content { text } else { nil } }
        default: []
        }
    }

    /// Whether the value is one that asks for nothing.
    func isIdle(_ idle: [String]) -> Bool { ImportedValue.isIdle(node, idle) }

    private static func isIdle(_ node: SettingNode, _ idle: [String]) -> Bool {
        switch node.content {
        case .nothing: true
        case .text(let text): ["", "false", "0", "0s"].contains(text.lowercased()) || idle.contains(text)
        case .list(let items): items.allSatisfy { isIdle($0, idle) }
        case .mapping(let entries): entries.allSatisfy { isIdle($0.value, idle) || isOff(entries) }
        }
    }

    /// Whether a section says that it is off.
    private static func isOff(_ entries: [SettingNode.Entry]) -> Bool {
        entries.contains { entry in
            guard entry.key == "enabled", case .text(let text) = entry.value.content else { return false }
            return text.lowercased() == "false"
        }
    }
}
