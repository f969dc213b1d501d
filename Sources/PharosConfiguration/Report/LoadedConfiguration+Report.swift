extension LoadedConfiguration {
    /// The output of `config show`: each key with its value and origin.
    ///
    /// Secrets show their length only.
    ///
    /// - Parameter changedOnly: leave out the keys that have their default.
    package func report(changedOnly: Bool = false) -> String {
        var rows: [(text: String, origin: String)] = []
        func add(_ key: String, _ value: SettingValue) {
            let origin = origin(of: key)
            if changedOnly, origin == .standard { return }
            rows.append(("\(key) = \(value.display)", origin.description))
        }
        for setting in ConfigurationSchema.table.settings where setting.onlyAccepts == nil {
            let value = setting.value(draft)
            add(setting.name, value)
            guard case .sections(let items) = value else { continue }
            for (index, fields) in items.enumerated() {
                // Of an item, only what was said: the other options have their documented defaults.
                for field in fields {
                    let key = "\(setting.name)[\(index)].\(field.name)"
                    if origins[key] != nil { add(key, field.value) }
                }
            }
        }
        let width = min(64, rows.map(\.text.count).max() ?? 0)
        return rows.map { row in
            row.text + String(repeating: " ", count: max(0, width - row.text.count)) + "  # " + row.origin
        }.joined(separator: "\n")
    }
}
