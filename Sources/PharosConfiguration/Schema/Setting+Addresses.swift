extension Setting {
    /// Addresses of servers: a list, or one text with commas or spaces between them.
    ///
    /// Passwords in them are never shown.
    static func addresses(_ name: String, _ path: SettingPath<Root, [String]>, _ summary: String) -> Setting {
        plain(
            name, .list, path, summary,
            parse: { node throws(TypeMismatch) in
                guard case .text(let text) = node.content, !node.origin.isPlainText else { return try node.texts() }
                return text.split { $0 == "," || $0 == " " }.map(String.init)
            },
            show: { .list($0.map(URLParts.shown)) })
    }
}
