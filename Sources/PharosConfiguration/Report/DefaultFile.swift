/// Writes the file that has only defaults, as `config default` prints it.
package enum DefaultFile {
    package static func yaml() -> String {
        var lines = [
            "# Every key of Pharos with its default. Keep the lines you change.",
            "# A key can also be a variable: http_server.port is \(ConfigurationSchema.variable(for: "http_server.port")).",
        ]
        var open: [Substring] = []
        for key in ConfigurationSchema.keys where key.onlyAccepts == nil {
            let parts = key.name.split(separator: ".")
            let groups = parts.dropLast()
            let shared = zip(open, groups).prefix { $0 == $1 }.count
            if shared == 0 { lines.append("") }
            for depth in shared..<groups.count { lines.append(indent(depth) + "\(groups[depth]):") }
            open = Array(groups)
            lines.append(indent(groups.count) + "# " + key.summary)
            lines.append(indent(groups.count) + "\(parts.last ?? ""): \(literal(key.standard))")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func indent(_ depth: Int) -> String {
        String(repeating: "  ", count: depth)
    }

    private static func literal(_ value: SettingValue) -> String {
        if case .secret(let text) = value { return SettingValue.quoted(text) }
        return value.display
    }
}
