/// Writes a document as YAML that reads back as the same.
enum YAMLText {
    static func of(_ entries: [SettingNode.Entry]) -> String {
        var lines: [String] = []
        for entry in entries {
            if !lines.isEmpty { lines.append("") }
            add(entry, 0, &lines)
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func add(_ entry: SettingNode.Entry, _ depth: Int, _ lines: inout [String]) {
        let head = String(repeating: "  ", count: depth) + key(entry.key) + ":"
        switch entry.value.content {
        case .mapping(let entries) where !entries.isEmpty:
            lines.append(head)
            for inner in entries { add(inner, depth + 1, &lines) }
        case .list(let items) where items.contains(where: isSection):
            lines.append(head)
            for item in items { add(item, depth + 1, &lines) }
        default: lines.append(head + " " + inline(entry.value))
        }
    }

    /// An item of a list of sections.
    private static func add(_ item: SettingNode, _ depth: Int, _ lines: inout [String]) {
        let space = String(repeating: "  ", count: depth)
        guard case .mapping(let entries) = item.content, !entries.isEmpty else {
            lines.append(space + "- " + inline(item))
            return
        }
        var inner: [String] = []
        for entry in entries { add(entry, 0, &inner) }
        for (index, line) in inner.enumerated() { lines.append(space + (index == 0 ? "- " : "  ") + line) }
    }

    private static func isSection(_ node: SettingNode) -> Bool {
        if case .mapping = node.content { return true }
        return false
    }

    private static func inline(_ node: SettingNode) -> String {
        switch node.content {
        case .text(let text): scalar(text)
        case .list(let items): "[" + items.map(inline).joined(separator: ", ") + "]"
        case .mapping(let entries):
            "{" + entries.map { "\(key($0.key)): \(inline($0.value))" }.joined(separator: ", ") + "}"
        case .nothing: "null"
        }
    }

    private static func key(_ name: String) -> String {
        let isPlain = !name.isEmpty && name.utf8.allSatisfy { isPlainByte($0) } && name.first?.isLetter == true
        return isPlain ? name : SettingValue.quoted(name)
    }

    /// Numbers, durations and single words as they are, all else in quotes.
    private static func scalar(_ text: String) -> String {
        if text == "true" || text == "false" { return text }
        let isNumber = text.utf8.count <= 15 && !text.isEmpty && text.utf8.allSatisfy { isDigit($0) }
        if isNumber, text == "0" || text.first != "0" { return text }
        if text.first?.isNumber == true, text.last?.isLetter == true, DurationText.seconds(text) != nil { return text }
        if text.first?.isLetter == true, text.utf8.count > 3, text.utf8.allSatisfy({ isPlainByte($0) }),
            !["true", "false", "null"].contains(text.lowercased())
        {
            return text
        }
        return SettingValue.quoted(text)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    private static func isPlainByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
            UInt8(ascii: "-"):
            true
        default: isDigit(byte)
        }
    }
}
