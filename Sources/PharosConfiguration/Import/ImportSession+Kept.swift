/// Keys whose name and meaning are the same.
///
/// Some of their values are spelled differently.
extension ImportSession {
    mutating func keep(_ value: ImportedValue) {
        if case .nothing = value.node.content { return drop(value, "it is empty") }
        switch value.pattern {
        case "client.ping_interval" where value.text?.hasPrefix("-") == true:
            move(value, to: value.key, value.replaced(by: "0s"))
        case "client.pong_timeout" where value.text?.hasPrefix("-") == true:
            refuse(value, nearest: "a longer `client.pong_timeout`: pongs are always awaited")
        case "log.level": keepLevel(value)
        case "node.name" where value.text == "": drop(value, "it is empty")
        case "http_server.address" where value.text == "" && purpose == .file: drop(value, "see below")
        default: move(value, to: value.key)
        }
    }

    private mutating func keepLevel(_ value: ImportedValue) {
        switch value.text {
        case "warn": move(value, to: value.key, value.replaced(by: "warning"))
        case "none", "fatal", "panic":
            move(value, to: value.key, value.replaced(by: "error"))
            report.note("`log.level` is `error`, the quietest there is")
        default: move(value, to: value.key)
        }
    }
}

extension ImportedValue {
    func replaced(by text: String) -> SettingNode { SettingNode(content: .text(text), origin: node.origin) }

    func replaced(by texts: [String]) -> SettingNode {
        let items = texts.map { SettingNode(content: .text($0), origin: node.origin) }
        return SettingNode(content: .list(items), origin: node.origin)
    }
}
