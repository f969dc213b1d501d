import Foundation
import PharosConfiguration
import PharosDomain
import Testing

/// Every documented key changes something.
///
/// One that does not is worse than none: its operator believes that it does.
@Suite("Every key has an effect")
struct KeysInUseTests {
    private static let origins = (
        "origins",
        #"[{"name":"app","url":"http://127.0.0.1:9/"},{"name":"default","url":"http://127.0.0.1:9/"}]"#
    )
    private static let secret = "a secret that is long enough for everybody"

    /// The settings that a key needs to have an effect, by its first letters.
    private static let contexts: [(prefix: String, overrides: [(String, String)])] = [
        (
            "http_server.tls.",
            [
                ("http_server.tls.enabled", "true"), ("http_server.tls.cert_pem_file", "/proc/self/stat"),
                ("http_server.tls.key_pem_file", "/proc/self/stat"),
            ]
        ),
        ("client.token.hmac_previous", [("client.token.hmac_secret_key", secret + " else")]),
        (
            "client.subscription_token.",
            [
                ("client.subscription_token.enabled", "true"),
                ("client.subscription_token.hmac_secret_key", secret + " else"),
            ]
        ),
        ("client.subscribe_to_user_personal_channel.", [("channel.namespaces", #"[{"name":"app"}]"#)]),
        ("node.roles", [("engine.type", "topic"), ("engine.secret", secret)]),
        ("channel.without_namespace.engine", [("engine.type", "redis")]),
        ("hooks.", [origins]), ("raw", [origins]),
        ("hooks.events", [("hooks.events", "connected"), ("hooks.events_to", "app")]),
        ("hooks.keep_alive", [("hooks.events", "connected"), ("hooks.events_to", "app")]),
        (
            "channel.without_namespace.",
            [
                origins, ("channel.without_namespace.history_size", "10"),
                ("channel.without_namespace.history_ttl", "60s"),
            ]
        ),
        (
            "channel.without_namespace.auto_cache_recover",
            [
                ("channel.without_namespace.force_recovery", "true"),
                ("channel.without_namespace.force_recovery_mode", "cache"),
            ]
        ),
        (
            "channel.without_namespace.conflation_tag",
            [
                ("channel.without_namespace.slow_reader", "conflate"),
                ("channel.without_namespace.conflation_tag", "t"),
            ]
        ),
    ]

    private static func context(_ name: String) -> [(String, String)] {
        contexts.filter { name.hasPrefix($0.prefix) }.flatMap(\.overrides)
    }

    /// The least that an entry of a list of sections needs, as JSON.
    private static let entries: [String: [String: String]] = [
        "http_api.keys": ["key": "\"k\"", "methods": "[\"*\"]"],
        "channel.namespaces": ["name": "\"chat\""],
        "origins": ["name": "\"app\"", "url": "\"http://127.0.0.1:9/\""],
        "hooks.rpc": ["origin": "\"app\""],
        "raw": ["path": "\"/raw\"", "origin": "\"app\"", "handshake": "\"app\""],
    ]

    private static func list(_ entry: [String: String]) -> String {
        "[{" + entry.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}]"
    }

    /// Texts to try, one of which is allowed and different.
    private static func samples(_ key: SettingDescription) -> [String] {
        switch key.type {
        case .bool: return ["true", "false"]
        case .integer(let range):
            var numbers = [range.lowerBound, range.upperBound, min(range.lowerBound + 1, range.upperBound)]
            if case .integer(let standard) = key.standard { numbers.insert(standard + 1, at: 0) }
            return numbers.filter(range.contains).map { "\($0)" }
        case .duration: return ["1s", "2s", "30s", "1h", "720h"]
        case .choice(let words): return words
        case .choices(let words): return words
        case .map: return [#"{"a":"b"}"#]
        case .list: return ["a", "publish", "127.0.0.0/8", "fossil", "*", "https://example.com", "^[a-z]+$"]
        case .sections: return entries[key.name].map { [list($0)] } ?? []
        case .text, .secret:
            return [
                "app", "default", "x", "x-user", "127.0.0.1", "127.0.0.2", "/x", "http://127.0.0.1:9/",
                "https://example.com", "^a$", ".*", "/proc/self/stat", "/proc/self/status", secret,
                "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----",
            ]
        }
    }

    /// The values of a configuration by their places in it.
    private static func values(_ value: Any, _ place: [String] = []) -> [[String]: String] {
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional:
            guard let content = mirror.children.first?.value else { return [place: "nil"] }
            return values(content, place).merging([place: "set"]) { $1 }
        case .struct where !mirror.children.isEmpty:
            return mirror.children.reduce(into: [:]) { result, child in
                result.merge(values(child.value, place + [child.label ?? ""])) { $1 }
            }
        case .collection:
            var result = [place: "\(mirror.children.count) \(value)"]
            for child in mirror.children { result.merge(values(child.value, place)) { $0 + $1 } }
            return result
        default: return [place: "\(value)"]
        }
    }

    /// Names of the fields that a text changes in the value of a key.
    ///
    /// The texts stand for the one in `base`. nil: none of them is allowed and changes anything.
    private static func fields(_ key: String, _ texts: [String], _ base: [(String, String)]) -> Set<String>? {
        guard let before = try? load(overrides: base).configuration else { return nil }
        let old = values(before)
        for text in texts {
            let overrides = base.filter { $0.0 != key } + [(key, text)]
            guard let after = try? load(overrides: overrides).configuration, after != before else { continue }
            let new = values(after)
            let changed = Set(old.keys).union(new.keys).filter { old[$0] != new[$0] }
            return Set(changed.compactMap(\.last))
        }
        return nil
    }

    /// The sources that act on a configuration.
    ///
    /// Those that read, check and show it are left out.
    private static let sources: String = {
        let folder = sourceRoot.appending(path: "Sources")
        let left = ["PharosConfiguration/", "Pharos/Configuration/", "PharosTestKit/"]
        let paths = FileManager.default.enumerator(atPath: folder.path())?.compactMap { $0 as? String } ?? []
        return paths.filter { path in path.hasSuffix(".swift") && !left.contains { path.hasPrefix($0) } }
            .map { (try? String(contentsOf: folder.appending(path: $0), encoding: .utf8)) ?? "" }
            .joined(separator: "\n")
    }()

    /// Each word that follows a point: a member that is used, not one that is declared.
    private static let members: Set<Substring> = {
        var members: Set<Substring> = []
        for line in sources.split(separator: "\n") where !line.drop(while: { $0 == " " }).hasPrefix("//") {
            for part in line.split(separator: ".", omittingEmptySubsequences: false).dropFirst() {
                members.insert(part.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
            }
        }
        return members
    }()

    private func check(_ name: String, _ fields: Set<String>?) {
        guard let fields else {
            Issue.record("`\(name)`: no value was found that changes the configuration")
            return
        }
        #expect(
            fields.contains { KeysInUseTests.members.contains(Substring($0)) },
            "`\(name)` changes \(fields.sorted()), which nothing outside the configuration reads")
    }

    @Test("each key changes a value that the server reads")
    func keys() {
        #expect(Self.members.count > 1_000)
        #expect(!Self.members.contains("presenceTTL"), "a field that was read by nobody once")
        for key in ConfigurationSchema.keys where key.onlyAccepts == nil {
            check(key.name, Self.fields(key.name, Self.samples(key), Self.context(key.name)))
        }
    }

    @Test("each key of an entry of a list changes a value that the server reads")
    func entries() throws {
        let names = Set(ConfigurationSchema.keys.map(\.name))
        for key in ConfigurationSchema.keys where key.onlyAccepts == nil {
            guard case .sections(let fields) = key.type else { continue }
            let entry = try #require(Self.entries[key.name], "\(key.name): what does an entry need?")
            let base = Self.context(key.name) + [(key.name, Self.list(entry))]
            for field in fields where field.onlyAccepts == nil {
                // Namespaces have the options of `channel.without_namespace`, by the same table.
                if key.name == "channel.namespaces", field.name != "name" {
                    #expect(names.contains("channel.without_namespace.\(field.name)"))
                    continue
                }
                let texts = Self.samples(field).map { text in
                    var changed = entry
                    // Of the two ways to let somebody in, one is named.
                    if field.name == "open" { changed["handshake"] = nil }
                    changed[field.name] =
                        switch field.type {
                        case .list, .choices: "[\"\(text)\"]"
                        case .map: text
                        default: "\"" + text.replacing("\n", with: "\\n") + "\""
                        }
                    return Self.list(changed)
                }
                check("\(key.name)[].\(field.name)", Self.fields(key.name, texts, base))
            }
        }
    }
}
