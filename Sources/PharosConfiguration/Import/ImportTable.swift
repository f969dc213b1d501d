/// The one table of Centrifugo's keys, in the names of its version 6.
///
/// Import, aliases, messages, documentation and tests come from it. Names of version 5 lead here by `FlatNames`.
package enum ImportTable {
    package static let rules: [ImportRule] = table(
        server, client, channels, hooks, engines, transports, elsewhere)

    static let byKey: [String: ImportRule] = Dictionary(
        rules.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })

    /// The names at the top of its files.
    static let sections: Set<String> = Set(rules.map { String($0.key.prefix { $0 != "." && $0 != "[" }) })

    /// Keys of ours by the same patterns, those in lists included.
    static let own: Set<String> = {
        var names: Set<String> = []
        for key in ConfigurationSchema.keys where key.onlyAccepts == nil {
            names.insert(key.name)
            guard case .sections(let fields) = key.type else { continue }
            names.formUnion(fields.filter { $0.onlyAccepts == nil }.map { "\(key.name)[].\($0.name)" })
        }
        return names
    }()

    /// The rule for a pattern; nil: Centrifugo has no such key either.
    static func rule(_ pattern: String) -> ImportRule? {
        if let rule = byKey[pattern] { return rule }
        var rest = Substring(pattern)
        while let dot = rest.lastIndex(where: { $0 == "." || $0 == "[" }) {
            rest = rest[..<dot]
            if let rule = byKey[String(rest)], rule.isWhole { return rule }
        }
        return nil
    }

    // MARK: Making rules

    static func kept(_ prefix: String, _ names: String) -> [ImportRule] {
        words(names).map { ImportRule(key: prefix + $0, fate: .kept) }
    }

    static func notNeeded(_ prefix: String, _ names: String, _ reason: String) -> [ImportRule] {
        words(names).map { ImportRule(key: prefix + $0, fate: .notNeeded(reason)) }
    }

    static func absent(
        _ prefix: String, _ names: String, idle: [String] = [], gate: String? = nil, nearest: String
    ) -> [ImportRule] {
        words(names).map { ImportRule(key: prefix + $0, fate: .absent(nearest: nearest), idle: idle, gate: gate) }
    }

    /// A section as one thing.
    ///
    /// - Parameter gated: whether Centrifugo leaves the section out unless it is `enabled`.
    static func wholeAbsent(
        _ key: String, idle: [String] = [], gated: Bool = true, nearest: String
    ) -> ImportRule {
        ImportRule(
            key: key, fate: .absent(nearest: nearest), idle: idle, gate: gated ? key + ".enabled" : nil, isWhole: true)
    }

    /// One list of several; a long sum of lists takes the compiler too long.
    static func table(_ parts: [ImportRule]...) -> [ImportRule] { parts.flatMap { $0 } }

    static func words(_ names: String) -> [String] {
        names.split { $0 == " " || $0 == "\n" }.map(String.init)
    }

    /// The keys of a TLS section whose side is that of a client.
    ///
    /// - Parameter target: our section, where it is not the same.
    static func clientTLS(_ prefix: String, to target: String? = nil) -> [ImportRule] {
        let gate = prefix + ".enabled"
        let same = ["enabled", "server_name", "server_ca_pem_file"].map { name in
            ImportRule(
                key: "\(prefix).\(name)", fate: target.map { .translated(to: "\($0).\(name)") } ?? .kept)
        }
        return table(
            same,
            [
                ImportRule(
                    key: prefix + ".server_ca_pem", fate: .translated(to: "\(target ?? prefix).server_ca_pem_file"))
            ],
            absent(
                prefix + ".",
                "cert_pem key_pem cert_pem_file key_pem_file cert_pem_b64 key_pem_b64 client_ca_pem client_ca_pem_file "
                    + "client_ca_pem_b64",
                gate: gate, nearest: "credentials of the server itself, such as user and password"),
            absent(
                prefix + ".", "server_ca_pem_b64", gate: gate,
                nearest: "write the authority to a file and name it in `server_ca_pem_file`"),
            absent(
                prefix + ".", "insecure_skip_verify", gate: gate,
                nearest: "name the authority of the certificate in `server_ca_pem_file`"))
    }
}
