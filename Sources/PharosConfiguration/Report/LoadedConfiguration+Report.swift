extension LoadedConfiguration {
    /// The output of `config show`: each key with its value and origin.
    ///
    /// Secrets show their length only.
    ///
    /// - Parameter changedOnly: leave out the keys whose value is their default, wherever it was given.
    package func report(changedOnly: Bool = false) -> String {
        let fresh = ConfigurationDraft()
        var rows: [(text: String, origin: String)] = []
        func add(_ key: String, _ value: SettingValue, standard: SettingValue?) {
            if changedOnly, value == standard { return }
            rows.append(("\(key) = \(value.display)", origin(of: key).description))
        }
        for setting in ConfigurationSchema.table.settings where setting.onlyAccepts == nil {
            let value = setting.value(draft)
            add(setting.name, value, standard: setting.value(fresh))
            guard case .sections(let items) = value else { continue }
            for (index, fields) in items.enumerated() {
                // Of an item, only what was said: the other options have their documented defaults.
                for field in fields {
                    let key = "\(setting.name)[\(index)].\(field.name)"
                    guard origins[key] != nil else { continue }
                    add(key, field.value, standard: setting.standard(of: field.name))
                }
            }
        }
        let width = min(64, rows.map(\.text.count).max() ?? 0)
        return rows.map { row in
            row.text + String(repeating: " ", count: max(0, width - row.text.count)) + "  # " + row.origin
        }.joined(separator: "\n")
    }
}

extension Setting {
    /// The default of a key inside a list of sections.
    fileprivate func standard(of field: String) -> SettingValue? {
        guard case .sections(let fields) = type else { return nil }
        return fields.first { $0.name == field }?.standard
    }
}
