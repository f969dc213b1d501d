extension Setting {
    /// A list of sections, each read by a table of its own into a fresh element.
    static func sections<Element: Sendable>(
        _ name: String, _ path: SettingPath<Root, [Element]>, fresh: Element,
        limit: Int, _ table: SettingTable<Element>, _ summary: String
    ) -> Setting {
        Setting(
            name: name, type: .sections(table.descriptions(standard: fresh)), summary: summary,
            read: { node, key, root, journal in
                let items: [SettingNode]
                do throws(TypeMismatch) {
                    items = try node.items("a list of sections")
                } catch {
                    journal.refuse(key, node.origin, "`\(key)`: \(error.message)")
                    return
                }
                guard items.count <= limit else {
                    journal.refuse(key, node.origin, "`\(key)`: \(items.count) entries, at most \(limit) are allowed")
                    return
                }
                journal.forgetItems(of: key)
                journal.record(key, node.origin)
                root[keyPath: path] = items.enumerated().map { index, item in
                    var element = fresh
                    let section = "\(key)[\(index)]"
                    if case .mapping(let entries) = item.content {
                        journal.record(section, item.origin)
                        table.read(entries, prefix: section + ".", into: &element, &journal)
                    } else {
                        journal.refuse(section, item.origin, "`\(section)`: expected a section, found \(item.kind)")
                    }
                    return element
                }
            },
            value: { root in
                .sections(
                    root[keyPath: path].map { element in
                        table.settings.map { SettingValue.Field(name: $0.name, value: $0.value(element)) }
                    })
            })
    }
}
