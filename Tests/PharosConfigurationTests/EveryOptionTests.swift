import PharosConfiguration
import Testing

@Suite("Every documented option")
struct EveryOptionTests {
    /// Values that an operator may try, whatever the option.
    ///
    /// Each must load or fail with the option's name.
    private static func samples(_ key: SettingDescription) -> [String] {
        switch key.type {
        case .bool: return ["true", "false"]
        case .integer(let range):
            return [range.lowerBound, range.upperBound, 1000, 2_000_000].map { min($0, range.upperBound) }.map {
                "\($0)"
            }
        case .duration: return ["0s", "1s", "30s", "720h"]
        case .choice(let words): return words
        case .choices(let words): return ["", words.joined(separator: ","), "a"] + words
        case .map: return ["{}", "a: b"]
        case .list: return ["", "a", "127.0.0.1,10.0.0.0/8", #"["fossil"]"#, "*"]
        case .sections: return ["[]", #"[{"name":"chat"}]"#, #"[{"key":"k","methods":["*"]}]"#, #"[{"path":"/a"}]"#]
        case .text, .secret: return ["", "default", "x", "127.0.0.1", "https://example.com", "["]
        }
    }

    @Test("GE-18: each documented option gives a configuration or a message that names the option")
    func loadsOrNamesItself() {
        for key in ConfigurationSchema.keys {
            for text in Self.samples(key) + ["\u{0}", "-1", "{", "9999999999999999999999"] {
                for problem in problems(overrides: [(key.name, text)]) {
                    #expect(problem.contains(key.name), "\(key.name)=\(text): \(problem)")
                }
            }
        }
    }

    @Test("GE-18: each option of a namespace gives a configuration or a message that names the option")
    func optionsOfNamespaces() throws {
        let namespaces = try #require(ConfigurationSchema.keys.first { $0.name == "channel.namespaces" })
        guard case .sections(let fields) = namespaces.type else {
            Issue.record("channel.namespaces is no list of sections")
            return
        }
        #expect(fields.count > 30)
        for field in fields where field.name != "name" {
            for text in Self.samples(field) {
                // YAML reads a list in brackets; everything else is quoted so that it is the same text.
                let value = text.hasPrefix("[\"") ? text : "'\(text)'"
                for problem in problems("channel: {namespaces: [{name: chat, \(field.name): \(value)}]}") {
                    #expect(problem.contains(field.name), "\(field.name)=\(text): \(problem)")
                }
            }
        }
    }

    @Test("each option has a value that loads from a variable, and remembers it")
    func variables() throws {
        for key in ConfigurationSchema.keys where key.onlyAccepts == nil {
            let name = ConfigurationSchema.variable(for: key.name)
            let text = try #require(
                Self.samples(key).first { problems(environment: [name: $0]).isEmpty }, "\(key.name)")
            let loaded = try load(environment: [name: text])
            #expect(loaded.origin(of: key.name) == .environment(name))
        }
    }

    @Test("each option that is not available says so by its name, and accepts the value that asks for nothing")
    func refusedOptions() {
        for key in ConfigurationSchema.keys {
            guard let only = key.onlyAccepts else { continue }
            #expect(problems(overrides: [(key.name, only)]) == [])
            let found = problems(overrides: [(key.name, "other")])
            #expect(found.count == 1 && found[0].contains("`\(key.name)`: not available in this version"), "\(found)")
        }
    }

    @Test("no two keys share a variable, and every key has a summary")
    func wellFormed() {
        let keys = ConfigurationSchema.keys
        #expect(Set(keys.map { ConfigurationSchema.variable(for: $0.name) }).count == keys.count)
        for key in keys where key.onlyAccepts == nil { #expect(key.summary.hasSuffix("."), "\(key.name)") }
    }
}
