import Foundation
import PharosConfiguration
import PharosDomain
import Testing

@Suite("Starting with a file of Centrifugo")
struct CentrifugoStartTests {
    @Test(
        "one line of it means the same as one of ours",
        arguments: [
            ("token_hmac_secret_key: abc", "client: {token: {hmac_secret_key: abc}}"),
            ("api_key: abc", "http_api: {key: abc}"),
            ("allowed_origins: [https://a.example]", "client: {allowed_origins: [https://a.example]}"),
            ("namespaces: [{name: chat, presence: true}]", "channel: {namespaces: [{name: chat, presence: true}]}"),
            ("presence: true", "channel: {without_namespace: {presence: true}}"),
            ("port: 9000", "http_server: {port: 9000}"),
            ("gomaxprocs: 2", "edge: {shards: 2}"), ("log: {level: warn}", "log: {level: warning}"),
            ("swagger: {enabled: true}", "openapi: {enabled: true}"),
            ("client: {ping_interval: -1s}", "client: {ping_interval: 0}"),
            (
                "engine: redis\nredis_address: 10.0.0.1:6379",
                "engine: {type: redis, redis: {address: ['10.0.0.1:6379']}}"
            ),
            (
                "broker: {enabled: true, type: redis, redis: {address: ['redis://10.0.0.1:6379'], prefix: a}}",
                "engine: {type: redis, redis: {address: ['10.0.0.1:6379'], prefix: a}}"
            ),
            (
                "broker: {enabled: true, type: nats, nats: {url: 'nats://10.0.0.1:4222', prefix: a}}",
                "engine: {type: nats, nats: {url: ['nats://10.0.0.1:4222'], prefix: a}}"
            ),
            (
                "engine: {type: redis, redis: {sentinel_address: ['a:1,b:2'], sentinel_master_name: m}}",
                "engine: {type: redis, redis: {sentinel_address: ['a:1', 'b:2'], sentinel_master_name: m}}"
            ),
            (
                "client: {proxy: {connect: {enabled: true, endpoint: 'http://a/', timeout: 2s}}}",
                "origins: [{name: connect, url: 'http://a/', timeout: 2s}]\nhooks: {connect: connect}"
            ),
            (
                "proxies: [{name: app, endpoint: 'http://a/'}]\nchannel: {namespaces: [{name: chat, subscribe_proxy_enabled: true, "
                    + "subscribe_proxy_name: app}]}",
                "origins: [{name: app, url: 'http://a/'}]\nchannel: {namespaces: [{name: chat, subscribe_proxy_name: app}]}"
            ),
            (
                "channel: {without_namespace: {history_size: 1, history_ttl: 1s, force_recovery: true, force_recovery_mode: cache, "
                    + "auto_cache_recovery: true}}",
                "channel: {without_namespace: {history_size: 1, history_ttl: 1s, force_recovery: true, force_recovery_mode: cache, "
                    + "auto_cache_recover: true}}"
            ),
        ])
    func same(theirs: String, ours: String) throws {
        #expect(try load(theirs).configuration == load(ours).configuration)
    }

    @Test("variables of Centrifugo count between the file and ours")
    func variables() throws {
        let file = "http_server: {port: 1}\nclient: {token: {hmac_secret_key: a}}\n"
        var loaded = try load(file, environment: ["CENTRIFUGO_HTTP_SERVER_PORT": "2"])
        #expect(loaded.configuration.settings.edge.port == 2)
        #expect(loaded.origin(of: "http_server.port") == .environment("CENTRIFUGO_HTTP_SERVER_PORT"))
        #expect(loaded.configuration.tokens.hmacSecretKey == "a")
        loaded = try load(
            file,
            environment: [
                "CENTRIFUGO_PORT": "2", "PHAROS_HTTP_SERVER_PORT": "3", "CENTRIFUGO_TOKEN_HMAC_SECRET_KEY": "b",
            ])
        #expect(loaded.configuration.settings.edge.port == 3)
        #expect(loaded.configuration.tokens.hmacSecretKey == "b")
        loaded = try load(
            "channel: {namespaces: [{name: my-chat}]}",
            environment: [
                "CENTRIFUGO_CHANNEL_NAMESPACES_MY_CHAT_PRESENCE": "1", "CENTRIFUGO_PROMETHEUS": "1",
                "CENTRIFUGO_CLIENT_ALLOWED_ORIGINS": "https://a.example https://b.example",
                "CENTRIFUGO_ENGINE_TYPE": "redis",
                "CENTRIFUGO_ENGINE_REDIS_ADDRESS": "redis://10.0.0.1:6379 redis://10.0.0.2:6379",
                "CENTRIFUGO_LOG_LEVEL": "",
            ])
        let settings = loaded.configuration.settings
        #expect(settings.channel.namespaces[0].options.presence && loaded.configuration.endpoints.prometheus)
        #expect(settings.client.allowedOrigins == ["https://a.example", "https://b.example"])
        #expect(settings.engine.redis.addresses == ["10.0.0.1:6379", "10.0.0.2:6379"])
        #expect(
            try load(environment: ["CENTRIFUGO_NAMESPACES": #"[{"name":"chat","proxy_publish":false}]"#]).configuration
                .settings.channel.namespaces.map(\.name.text) == ["chat"])
    }

    @Test("variables that are none of Centrifugo's are passed over, and links of a Service are no settings")
    func foreignVariables() throws {
        let loaded = try load(environment: [
            "CENTRIFUGO_URL": "http://centrifugo/", "CENTRIFUGO_PORT": "tcp://10.0.0.1:8000",
            "CENTRIFUGO_SERVICE_HOST": "10.0.0.1", "CENTRIFUGO_SERVICE_PORT": "8000", "CENTRIFUGO_VAR_X": "1",
        ])
        #expect(loaded.configuration == PharosConfiguration())
        #expect(loaded.passedOver == ["passed over CENTRIFUGO_URL: Centrifugo has no such variables"])
    }

    @Test(
        "a key that asks for something that is not there is a problem, with its line and the command that helps",
        arguments: [
            ("admin: {enabled: true}", "`admin.enabled`: not available in this version; nearest: `/metrics`"),
            ("admin: true", "`admin`: not available in this version"),
            ("uni_sse: {enabled: true}", "`uni_sse.enabled`: not available in this version; nearest: `events.enabled`"),
            ("consumers: [{name: a, enabled: true}]", "`consumers`: not available in this version"),
            ("engine: tarantool", "`engine`: not available in this version; nearest: `engine.type: redis`"),
            ("client: {proxy: {connect: {enabled: true}}}", "name the origin in `hooks.connect`"),
            ("proxies: [{name: a}]", "give it an `endpoint`"),
            (
                "broker: {enabled: true, type: nats, nats: {allow_wildcards: true}}",
                "`broker.nats.allow_wildcards`: not available"
            ),
            ("broker: {nonsense: 1}", "unknown key `broker.nonsense` in a section of Centrifugo"),
            ("rpc: {nonsense: 1}", "unknown key `rpc.nonsense` in a section of Centrifugo"),
        ])
    func missing(file: String, message: String) {
        let found = problems(file)
        #expect(found.count == 1 && found[0].hasPrefix("pharos.yaml:1: ") && found[0].contains(message), "\(found)")
        #expect(found.first?.contains("pharos config import") == true, "\(found)")
    }

    @Test("a slip beside keys of Centrifugo is found as ever")
    func slips() {
        #expect(
            problems("api_key: a\nclient: {pingg_interval: 1s}\n").first?.contains(
                "did you mean `client.ping_interval`?") == true)
        #expect(
            problems("api_key: a\nport: many\n") == [
                "pharos.yaml:2: `http_server.port`: expected a whole number, found `many`"
            ])
        #expect(problems("apikey: a\n") == ["pharos.yaml:1: unknown key `apikey`"])
    }

    @Test("ours count where both are given")
    func both() throws {
        let loaded = try load("port: 1\nhttp_server: {port: 2}\n")
        #expect(loaded.configuration.settings.edge.port == 2)
    }

    @Test("a presence manager is accepted, and a line says that it is not needed; so does one about NATS")
    func lines() throws {
        let loaded = try load(
            "broker: {enabled: true, type: nats}\npresence_manager: {enabled: true, type: redis, redis: {address: ['a:1']}}\n"
        )
        #expect(loaded.notices.contains { $0.hasPrefix("presence_manager is not needed: members live in the node") })
        #expect(loaded.notices.contains { $0.contains("at most once") && $0.contains("JetStream") })
    }

    @Test("TOML is read by a server, too")
    func toml() throws {
        let path = NSTemporaryDirectory() + "pharos-" + UUID().uuidString + ".toml"
        try Data(
            "token_hmac_secret_key = \"a\"\n[[namespaces]]\nname = \"chat\"\nhistory_size = 1_0\nhistory_ttl = \"9s\"\n"
                .utf8
        )
        .write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let loaded = try ConfigurationLoader.load(file: path)
        #expect(loaded.configuration.settings.channel.namespaces[0].options.historySize == 10)
        #expect(loaded.origin(of: "client.token.hmac_secret_key") == .file(path, line: 1))
        try Data("a = 's3cr3t".utf8).write(to: URL(filePath: path))
        do throws(ConfigurationError) {
            _ = try ConfigurationLoader.load(file: path)
            Issue.record("it loads")
        } catch {
            #expect(error.description == "\(path):1: not valid TOML: a text that is not closed on its line")
        }
    }
}
