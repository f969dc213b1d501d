/// Centrifugo's variables.
///
/// Their names are `CENTRIFUGO_` and a key in capitals, dots as underscores.
struct ImportEnvironment {
    static let prefix = "CENTRIFUGO_"

    /// Variables that name no key of Centrifugo's.
    private(set) var unknown: [String] = []
    /// How many variables were taken.
    private(set) var count = 0

    /// Adds the variables' values to a document.
    ///
    /// They take the place of those that stand there.
    init(_ environment: [String: String], to source: inout ImportSource) {
        let links = ServiceLinks(environment, prefix: ImportEnvironment.prefix).variables
        let own = environment.filter { name, text in
            name.hasPrefix(ImportEnvironment.prefix) && !text.isEmpty && !links.contains(name)
                && !name.hasPrefix(ImportEnvironment.prefix + "VAR_")
        }
        // Lists come first: other variables name their items.
        let lists = ImportEnvironment.lists
        for name in own.keys.sorted(by: { (lists[$0] == nil ? 1 : 0, $0) < (lists[$1] == nil ? 1 : 0, $1) }) {
            guard let text = own[name], let (key, isFlat) = ImportEnvironment.key(for: name, source) else {
                unknown.append(name)
                continue
            }
            count += 1
            if let list = lists[name] {
                source.setList(list.flat, ImportEnvironment.node(text, key, name), at: key, as: name)
                continue
            }
            source.set(key, ImportEnvironment.node(text, key, name), as: name, isFlat: isFlat)
        }
    }

    // MARK: Names

    private static func variable(_ key: String) -> String {
        prefix + String(key.uppercased().map { ".-".contains($0) ? "_" : $0 })
    }

    /// Lists of sections: the key, and the name of version 5.
    private static let lists: [String: (key: String, flat: String)] = [
        variable("channel.namespaces"): ("channel.namespaces", "namespaces"),
        variable("namespaces"): ("channel.namespaces", "namespaces"),
        variable("rpc.namespaces"): ("rpc.namespaces", "rpc_namespaces"),
        variable("proxies"): ("proxies", "proxies"), variable("consumers"): ("consumers", "consumers"),
    ]

    private static let nested: [String: String] = Dictionary(
        ImportTable.rules.filter { !$0.key.contains("[]") }.map { (variable($0.key), $0.key) },
        uniquingKeysWith: { first, _ in first })

    private static let flat: [String: String] = Dictionary(
        FlatNames.targets.map { (variable($0.key), $0.value) }, uniquingKeysWith: { first, _ in first })

    private static let wholes: [(variable: String, key: String)] = ImportTable.rules
        .filter { $0.isWhole && !$0.key.contains("[]") }.map { (variable($0.key) + "_", $0.key) }
        .sorted { $0.variable.utf8.count > $1.variable.utf8.count }

    private static func key(for name: String, _ source: ImportSource) -> (key: String, isFlat: Bool)? {
        if let list = lists[name] { return (list.key, variable(list.key) != name) }
        if let key = nested[name] { return (key, false) }
        if let key = flat[name] { return (key, true) }
        for (list, beginning) in [
            ("channel.namespaces", "CHANNEL_NAMESPACES_"), ("rpc.namespaces", "RPC_NAMESPACES_"),
            ("proxies", "PROXIES_"),
        ] {
            if let key = item(of: list, named: name, after: prefix + beginning, source) { return (key, false) }
        }
        guard let whole = wholes.first(where: { name.hasPrefix($0.variable) }) else { return nil }
        return (whole.key + "." + name.dropFirst(whole.variable.count).lowercased(), false)
    }

    /// The option of a namespace or a proxy: its name stands in the variable.
    private static func item(
        of list: String, named name: String, after beginning: String, _ source: ImportSource
    ) -> String? {
        guard name.hasPrefix(beginning), case .list(let items)? = source.tree[list]?.content else { return nil }
        let rest = name.dropFirst(beginning.count)
        for index in items.indices {
            guard case .text(let text)? = source.tree["\(list)[\(index)].name"]?.content else { continue }
            let own = String(text.uppercased().map { ".-".contains($0) ? "_" : $0 }) + "_"
            guard rest.hasPrefix(own) else { continue }
            let option = rest.dropFirst(own.count).lowercased()
            let rules = ImportTable.rules.lazy.filter { $0.key.hasPrefix(list + "[].") }
            let known = rules.map { $0.key.dropFirst(list.count + 3) }.first {
                String($0.map { $0 == "." ? "_" : $0 }) == option
            }
            if let known { return "\(list)[\(index)].\(known)" }
        }
        return nil
    }

    // MARK: Values

    private static func node(_ text: String, _ key: String, _ name: String) -> SettingNode {
        let origin = SettingOrigin.environment(name)
        if text.first == "[" || text.first == "{" {
            if let parsed = try? SettingNode.parse(text, origin: { _ in origin }) { return parsed }
        }
        if isList(DocumentTree.pattern(key)) {
            // Some hosts of one cluster stand behind each other with commas.
            let isGroup = key.hasSuffix("cluster_address") || key.hasSuffix("sentinel_address")
            let parts = text.split { $0 == " " || $0 == "," && !isGroup }
            return SettingNode(
                content: .list(parts.map { SettingNode(content: .text(String($0)), origin: origin) }), origin: origin)
        }
        let words = ["1": "true", "t": "true", "T": "true", "0": "false", "f": "false", "F": "false"]
        let isFlag = if case .bool? = ImportEnvironment.types[DocumentTree.pattern(key)] { true } else { false }
        return SettingNode(content: .text(isFlag ? words[text] ?? text : text), origin: origin)
    }

    private static func isList(_ pattern: String) -> Bool {
        if case .list? = types[pattern] { return true }
        return [
            "http_headers", "emulated_headers", "grpc_metadata", "redis.address", "redis.cluster_address",
            "redis.sentinel_address", "allowed_delta_types", "namespaces", "proxies", "consumers",
        ].contains { pattern.hasSuffix($0) }
    }

    private static let types: [String: SettingType] = {
        var result: [String: SettingType] = [:]
        for key in ConfigurationSchema.keys {
            result[key.name] = key.type
            guard case .sections(let fields) = key.type else { continue }
            for field in fields { result["\(key.name)[].\(field.name)"] = field.type }
        }
        return result
    }()
}
