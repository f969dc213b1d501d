/// Writes the reference page of all keys, `docs/configuration.md`.
package enum ReferencePage {
    package static func markdown() -> String {
        let works = ConfigurationSchema.keys.filter { $0.onlyAccepts == nil }
        let refused = ConfigurationSchema.keys.filter { $0.onlyAccepts != nil }
        var text = introduction
        var groups: [(name: String, keys: [SettingDescription])] = []
        for key in works {
            let name = heading(of: key.name)
            if groups.last?.name == name {
                groups[groups.count - 1].keys.append(key)
            } else {
                groups.append((name, [key]))
            }
        }
        for group in groups {
            text += "\n## \(group.name)\n\n"
            text += table(group.keys)
            for key in group.keys {
                guard case .sections(let fields) = key.type else { continue }
                text += "\n" + sections(key, fields)
            }
        }
        text += aliases
        text += "\n## Accepted from existing files, without effect\n\n"
        text +=
            "Pharos knows these keys of other servers and does not act on them. It accepts the value that asks for\n"
        text +=
            "nothing and refuses to start with any other, naming the key. What stands here for `channel.without_namespace`\n"
        text += "holds for each of `channel.namespaces` too.\n\n| Key | Only value |\n| --- | --- |\n"
        for key in refused { text += "| `\(key.name)` | \(code(key.onlyAccepts ?? "")) |\n" }
        return text
    }

    private static let introduction = """
        # Configuration

        This page is generated from the table that the server itself reads by: `pharos config docs > docs/configuration.md`.

        Values come from four sources. Later ones win:

        1. the defaults below; with `--dev`, those of a development server, which it lists at start;
        2. one file, YAML, JSON or (`.toml`) TOML: `--config pharos.yaml`, or the variable `PHAROS_CONFIG`; it may be one of
           [Centrifugo](migration/centrifugo.md), whose variables `CENTRIFUGO_…` count between the file and ours;
        3. variables: `PHAROS_` and the key in capitals, dots as underscores. Lists are comma separated or JSON, lists of
           sections are JSON: `PHAROS_CHANNEL_NAMESPACES='[{"name":"chat","presence":true}]'`;
        4. flags: `--set http_server.port=9000`, as often as needed.

        An unknown key or variable is an error that names the nearest known one. A wrong value names its key, the expected type
        and the line. All errors are reported together: `pharos config check`. `pharos config show` prints each value with its
        origin, `pharos config default` a file with all defaults.

        Durations are written `25s`, `1m30s`, `720h` or `500ms`; a plain integer is seconds. Secrets are never printed.

        Nothing is open until it is configured: without a key no token is believed, without an API key the server API refuses
        every call, without allowed origins no browser connects, and no channel allows anything.

        """

    /// The names that Centrifugo has for keys of ours.
    private static var aliases: String {
        var names: [String: [String]] = [:]
        for (key, other) in CentrifugoPage.aliases { names[key, default: []].append(other) }
        var text = """

            ## Names of Centrifugo

            A file or a variable of Centrifugo may be used as it is: keys that mean the same are read under both names, and ours
            count where both are given. `pharos config import` writes them under ours.
            [The whole list](migration/centrifugo-keys.md).

            | Key | Other names |
            | --- | --- |

            """
        for key in ConfigurationSchema.keys {
            guard let others = names[key.name] else { continue }
            text += "| `\(key.name)` | \(others.sorted().map { "`\($0)`" }.joined(separator: ", ")) |\n"
        }
        return text
    }

    /// The heading under which a key stands.
    ///
    /// It is its section, or one for all the small sections at the end.
    private static func heading(of name: String) -> String {
        let parts = name.split(separator: ".")
        let small = ["node", "shutdown", "log", "health", "prometheus", "openapi", "demo"]
        let transports = ["http_stream", "sse", "events", "poll"]
        if parts.count == 1 { return "`\(name)`" }
        if transports.contains(String(parts[0])) { return "Transports besides WebSocket" }
        return small.contains(String(parts[0]))
            ? "The process and its endpoints" : "`" + parts.dropLast().joined(separator: ".") + "`"
    }

    private static func table(_ keys: [SettingDescription]) -> String {
        var text = "| Key | Type | Default | Meaning |\n| --- | --- | --- | --- |\n"
        for key in keys {
            text += "| `\(key.name)` | \(type(key.type)) | \(standard(key)) | \(key.summary) |\n"
        }
        return text
    }

    private static func sections(_ key: SettingDescription, _ fields: [SettingDescription]) -> String {
        let own = fields.filter { $0.onlyAccepts == nil }
        if key.name == "channel.namespaces" {
            return
                "Each entry of `\(key.name)` has a `name` and any of the options of `channel.without_namespace`, with the "
                + "same defaults. A name has at\nleast two of letters, digits, `-`, `_`, `.`; channels of a namespace that is "
                + "not listed do not exist.\n"
        }
        return "Each entry of `\(key.name)`:\n\n" + table(own)
    }

    private static func type(_ type: SettingType) -> String {
        switch type {
        case .integer(let range): "integer, \(range.lowerBound) to \(range.upperBound)"
        case .duration(_, whole: true): "duration, whole seconds"
        default: type.name
        }
    }

    private static func standard(_ key: SettingDescription) -> String {
        switch key.standard {
        case .secret, .text(""): "none"
        case .text(let text): code(text)
        case .sections, .map, .list([]): "none"
        default: code(key.standard.display)
        }
    }

    private static func code(_ text: String) -> String {
        text.isEmpty ? "empty" : "`\(text)`"
    }
}
