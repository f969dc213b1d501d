import PharosConfiguration
import Testing

@Suite("Messages")
struct MessagesTests {
    @Test("an unknown key names its line and the key that was probably meant")
    func unknownKey() {
        #expect(
            problems("client:\n  ping_interval: 25s\nchannel:\n  namespace: []\n") == [
                "pharos.yaml:4: unknown key `channel.namespace`: did you mean `channel.namespaces`?"
            ])
        #expect(
            problems("channel:\n  namespaces:\n    - name: chat\n      presense: true\n") == [
                "pharos.yaml:4: unknown key `channel.namespaces[0].presense`: "
                    + "did you mean `channel.namespaces[0].presence`?"
            ])
        #expect(problems("zebra: 1\n") == ["pharos.yaml:1: unknown key `zebra`"])
    }

    @Test("an unknown variable names the variable that was probably meant")
    func unknownVariable() {
        #expect(
            problems(environment: ["PHAROS_HTTP_SERVER_PROT": "1", "OTHER": "2"]) == [
                "PHAROS_HTTP_SERVER_PROT: unknown variable `PHAROS_HTTP_SERVER_PROT`: "
                    + "did you mean `PHAROS_HTTP_SERVER_PORT`?"
            ])
    }

    @Test("an unknown flag names the key that was probably meant")
    func unknownFlag() {
        #expect(
            problems(overrides: [("log.levle", "info")]) == [
                "flag: unknown key `log.levle`: did you mean `log.level`?"
            ])
    }

    @Test(
        "a value of the wrong type names key, expected type and line",
        arguments: [
            ("http_server: {port: many}", "`http_server.port`: expected a whole number, found `many`"),
            (
                "http_server: {port: 70000}",
                "`http_server.port`: expected a whole number, 0 to 65535, found `70000`"
            ),
            ("http_server: {port: [1]}", "`http_server.port`: expected a whole number, found a list"),
            ("http_server: 9000", "`http_server`: expected a section with keys of its own, found text"),
            ("client: {insecure: yes}", "`client.insecure`: expected true or false, found `yes`"),
            (
                "client: {ping_interval: soon}",
                "`client.ping_interval`: expected a duration such as 25s, 1m30s or 720h, found `soon`"
            ),
            (
                "client: {ping_interval: 1500ms}",
                "`client.ping_interval`: expected a duration in whole seconds, found `1500ms`"
            ),
            ("client: {allowed_origins: '*'}", "`client.allowed_origins`: expected a list of texts, found text"),
            ("client: {allowed_origins: [{a: 1}]}", "`client.allowed_origins`: expected text, found a section"),
            ("node: {name: }", "`node.name`: expected text, found nothing"),
            (
                "log: {level: loud}",
                "`log.level`: expected one of trace, debug, info, warning, error, found `loud`"
            ),
            ("channel: {namespaces: {name: a}}", "`channel.namespaces`: expected a list of sections, found a section"),
            ("channel: {namespaces: [chat]}", "`channel.namespaces[0]`: expected a section, found text"),
            (
                "shutdown: {timeout: 90000h}",
                "`shutdown.timeout`: expected a duration from 0s to 87600h, found `90000h`"
            ),
        ])
    func wrongType(file: String, message: String) {
        #expect(problems("\n" + file) == ["pharos.yaml:2: " + message])
    }

    @Test("all problems of all sources are reported together")
    func together() {
        let found = problems(
            "http_server: {port: x}\nlog: {levle: info}\n", environment: ["PHAROS_LOG_FORMAT": "xml"],
            overrides: [("client.channel_limit", "0")])
        #expect(found.count == 4)
        #expect(found[0].hasPrefix("pharos.yaml:1: "))
        #expect(found[1].hasPrefix("pharos.yaml:2: "))
        #expect(found[2].hasPrefix("PHAROS_LOG_FORMAT: "))
        #expect(found[3].hasPrefix("flag: "))
    }

    @Test("a file that is not YAML names the line, and never shows it")
    func notYAML() {
        let found = problems("http_api:\n  key: 'swordfish\n")
        #expect(found.count == 1)
        #expect(found[0].hasPrefix("pharos.yaml:"))
        #expect(!found[0].contains("swordfish"))
        #expect(problems("a: 1\na: 2\n").first?.contains("twice") == true)
        #expect(problems("- 1\n") == ["pharos.yaml:1: expected keys and values, found a list"])
    }

    @Test("a document nested very deeply is a problem like any other", arguments: ["[", "{a: ", "- "])
    func deeplyNested(open: String) {
        let found = problems(String(repeating: open, count: 100_000))
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("pharos.yaml") == true)
    }

    @Test("no message holds the value of a secret")
    func secretsStaySecret() {
        let found =
            problems("http_api: {key: [swordfish]}\nclient: {token: {hmac_secret_key: {swordfish: 1}}}\n")
            + problems(environment: ["PHAROS_HTTP_API_KEYS": "[{swordfish"])
            + problems(environment: ["PHAROS_HTTP_API_KEYS": "swordfish"])
            + problems("http_api: {keys: [{key: swordfish, methods: [x]}, {key: swordfish, methods: ['*']}]}")
        #expect(found.count == 6)
        #expect(!found.joined().contains("swordfish"))
    }

    @Test("a rule is silent about a key that could not be read")
    func noFollowingErrors() {
        let found = problems("channel:\n  without_namespace:\n    history_size: ten\n    history_ttl: 60s\n")
        #expect(found.count == 1)
    }
}
