import Foundation
import PharosConfiguration
import PharosDomain
import Testing

@Suite("Reports")
struct ReportTests {
    @Test("show prints value and origin, and of a secret only the length")
    func show() throws {
        let file =
            "http_api:\n  key: 0123456789abcdef0123456789abcdef\nchannel:\n  namespaces: [{name: chat, presence: true}]\n"
        let loaded = try load(file, environment: ["PHAROS_HTTP_SERVER_PORT": "9000"])
        let report = loaded.report()
        #expect(!report.contains("0123456789abcdef"))
        let lines = report.split(separator: "\n").map { line in
            line.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        }
        #expect(
            lines.contains { $0.hasPrefix("http_api.key = (set, 32 characters) # ") && $0.hasSuffix("pharos.yaml:2") })
        #expect(lines.contains("http_server.port = 9000 # PHAROS_HTTP_SERVER_PORT"))
        #expect(lines.contains("client.ping_interval = 25s # default"))
        #expect(lines.contains("client.token.hmac_secret_key = (not set) # default"))
        #expect(lines.contains { $0.hasPrefix("channel.namespaces[0].presence = true # ") })
        #expect(!lines.contains { $0.contains("proxy_enabled") })
        let changed = loaded.report(changedOnly: true)
        #expect(!changed.contains("# default"))
        #expect(changed.contains("http_server.port"))
    }

    @Test("show --changed leaves out values that are defaults, wherever they were given")
    func changed() throws {
        #expect(try load(DefaultFile.yaml()).report(changedOnly: true) == "")
        let file = """
            http_server: {port: 8000, address: 0.0.0.0}
            channel: {namespaces: [{name: chat, presence: true, join_leave: false}]}
            """
        let lines = try load(file, environment: ["PHAROS_LOG_LEVEL": "info"]).report(changedOnly: true)
            .split(separator: "\n").map { $0.prefix { $0 != "#" }.split(separator: " ").joined(separator: " ") }
        #expect(
            lines == [
                "http_server.address = \"0.0.0.0\"", "channel.namespaces = (1 entries)",
                "channel.namespaces[0].name = chat", "channel.namespaces[0].presence = true",
            ])
    }

    @Test("docs/migration/centrifugo-keys.md is what the table says")
    func migrationPage() throws {
        let page = try String(
            contentsOf: sourceRoot.appending(path: "docs/migration/centrifugo-keys.md"), encoding: .utf8)
        #expect(
            page == CentrifugoPage.markdown(),
            "The page is out of date: pharos config docs --centrifugo > docs/migration/centrifugo-keys.md")
        for rule in ImportTable.rules { #expect(page.contains("| `\(rule.key)`"), "\(rule.key)") }
    }

    @Test("the default file has every key and is the default configuration")
    func defaultFile() throws {
        let text = DefaultFile.yaml()
        let loaded = try load(text)
        #expect(loaded.configuration == PharosConfiguration())
        for key in ConfigurationSchema.keys where key.onlyAccepts == nil {
            #expect(loaded.origins[key.name] != nil, "\(key.name)")
        }
    }

    @Test("docs/configuration.md is what the table says")
    func referencePage() throws {
        let page = try String(contentsOf: sourceRoot.appending(path: "docs/configuration.md"), encoding: .utf8)
        #expect(
            page == ReferencePage.markdown(),
            "The page is out of date. Write it again: pharos config docs > docs/configuration.md")
    }

    @Test("the reference page names every key")
    func referenceIsComplete() {
        let page = ReferencePage.markdown()
        for key in ConfigurationSchema.keys { #expect(page.contains("| `\(key.name)` |"), "\(key.name)") }
    }

    @Test("the examples load", arguments: ["chat.yaml", "compatibility.yaml"])
    func examples(name: String) throws {
        let path = sourceRoot.appending(path: "docs/examples/" + name).path(percentEncoded: false)
        let loaded = try ConfigurationLoader.load(
            file: path,
            environment: ["PHAROS_HTTP_API_KEY": "api_key", "PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY": "secret"])
        #expect(!loaded.configuration.settings.channel.namespaces.isEmpty)
        #expect(loaded.configuration.tokens.hasKey)
    }
}
