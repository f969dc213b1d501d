import Foundation
import PharosConfiguration
import PharosDomain
import Testing

/// The outcome of importing one of the fixtures.
func imported(_ name: String, environment: [String: String] = [:]) throws -> CentrifugoImport.Outcome {
    let path = sourceRoot.appending(path: "Tests/Integration/fixtures/centrifugo/" + name)
    return try CentrifugoImport.run(file: path.path(percentEncoded: false), environment: environment)
}

/// The outcome of importing a text.
func imported(yaml: String, environment: [String: String] = [:]) throws -> CentrifugoImport.Outcome {
    try imported(text: yaml, form: "yaml", environment)
}

func imported(toml: String) throws -> CentrifugoImport.Outcome {
    try imported(text: toml, form: "toml", [:])
}

private func imported(
    text: String, form: String, _ environment: [String: String]
) throws -> CentrifugoImport.Outcome {
    let path = NSTemporaryDirectory() + "pharos-" + UUID().uuidString + "." + form
    try Data(text.utf8).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try CentrifugoImport.run(file: path, environment: environment)
}

extension ImportReport {
    func keys(_ outcome: ImportClass) -> [String] { lines(outcome).map(\.key) }
}

@Suite("Files of Centrifugo")
struct ImportFixtureTests {
    private static let names = [
        "genconfig.json", "genconfig.toml", "genconfig.yaml", "v5-genconfig.json", "v5-whole.json", "v5-granular.yaml",
        "tls.toml", "redis-sentinel.yaml", "redis-cluster.json", "redis-two-clusters.json", "broker-redis.yaml",
        "broker-nats.yaml", "proxies.yaml", "channels.yaml", "client.json", "server.yaml", "transports.yaml",
        "consumers.yaml",
    ]

    @Test("each fixture is imported, its result loads, and no secret is in its report", arguments: names)
    func loads(name: String) throws {
        let outcome = try imported(name)
        #expect(outcome.report.problems == [], "\(outcome.report.problems)")
        #expect(problems(outcome.yaml) == [])
        #expect(!outcome.report.text.contains("s3cr3t"))
        #expect(!outcome.report.lines.isEmpty)
    }

    @Test("all fixtures are tried")
    func complete() throws {
        let folder = sourceRoot.appending(path: "Tests/Integration/fixtures/centrifugo").path()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == Self.names.sorted())
    }

    @Test("the file of genconfig is kept, in each of its forms", arguments: ["json", "toml", "yaml"])
    func genconfig(form: String) throws {
        let outcome = try imported("genconfig." + form)
        #expect(
            outcome.report.keys(.kept).sorted() == [
                "client.allowed_origins", "client.token.hmac_secret_key", "http_api.key",
            ])
        #expect(outcome.report.keys(.notNeeded) == ["admin"])
        #expect(outcome.report.status == 0)
        let configuration = try load(outcome.yaml).configuration
        #expect(configuration.tokens.hmacSecretKey == "s3cr3t-token-key")
        #expect(configuration.settings.api.keys.map(\.key) == ["s3cr3t-api-key"])
    }

    @Test("the file that version 5 generates is translated")
    func flatGenconfig() throws {
        let report = try imported("v5-genconfig.json").report
        #expect(report.keys(.translated).sorted() == ["allowed_origins", "api_key", "token_hmac_secret_key"])
        #expect(report.keys(.notNeeded) == ["admin_password, admin_secret"])
        #expect(report.status == 0)
    }

    @Test("a whole file of version 5 means the same afterwards")
    func wholeFlat() throws {
        let outcome = try imported("v5-whole.json")
        let settings = try load(outcome.yaml).configuration.settings
        #expect(settings.edge.port == 9000 && settings.edge.shards == 2 && settings.nodeName == "one")
        #expect(settings.engine.kind == .redis && settings.engine.redis.addresses == ["127.0.0.1:6379"])
        #expect(settings.engine.redis.user == "app" && settings.engine.redis.password == "s3cr3t-redis")
        #expect(settings.engine.redis.database == 3 && settings.engine.redis.prefix == "rt")
        #expect(settings.client.channelLimit == 64 && settings.client.personalChannelNamespace == "personal")
        #expect(settings.transports.httpStream && settings.transports.sse && settings.transports.compression)
        #expect(settings.channel.withoutNamespace.presence && settings.channel.historyMetaTTL == 168 * 3600)
        #expect(settings.channel.namespaces.map(\.name.text) == ["personal", "chat"])
        #expect(settings.channel.namespaces[1].options.subscribeHook == "subscribe")
        #expect(settings.channel.namespaces[1].options.publishHook == "")
        #expect(settings.hooks.connect == "connect" && settings.hooks.rpc == [RPCRule(prefix: "", origin: "rpc")])
        let connect = try #require(settings.hooks.origins.first { $0.name == "connect" })
        #expect(connect.timeout == 2 && connect.passes.headers == ["authorization"])
        #expect(connect.staticHeaders == ["x-key": "s3cr3t-header"])
        #expect(outcome.report.keys(.notThereYet).contains { $0.contains("admin") })
        #expect(
            outcome.report.keys(.notThereYet).contains("sockjs")
                && outcome.report.keys(.notThereYet).contains("uni_sse"))
        #expect(outcome.report.keys(.unknown) == [])
        #expect(outcome.report.notes.contains { $0.contains("http_cookies") })
        #expect(outcome.report.notes.contains { $0.contains("`Host`") })
        #expect(outcome.report.status == 2)
    }

    @Test("granular proxies: names alone turn hooks on")
    func granular() throws {
        let outcome = try imported("v5-granular.yaml")
        let hooks = try load(outcome.yaml).configuration.settings.hooks
        #expect(hooks.origins.map(\.name.text) == ["connect", "subscribe1", "rpc_one"])
        #expect(hooks.origins[0].timeout == 0.5 && hooks.origins[2].includeConnectionMeta)
        #expect(hooks.connect == "connect")
        #expect(
            hooks.rpc == [RPCRule(prefix: "admin:", origin: "rpc_one"), RPCRule(prefix: "", origin: "rpc_one")])
        let options = try load(outcome.yaml).configuration.settings.channel.namespaces[0].options
        #expect(options.subscribeHook == "subscribe1" && options.publishHook == "")
        #expect(outcome.report.keys(.notThereYet).contains("proxies[3].endpoint"))
    }

    @Test("TLS keeps its port, and the plain one stands beside it")
    func tls() throws {
        let outcome = try imported("tls.toml")
        let edge = try load(outcome.yaml).configuration.settings.edge
        #expect(edge.tls == TLSSettings(certificateFile: "/proc/self/stat", keyFile: "/proc/self/status", port: 443))
        #expect(edge.port == 9000 && edge.address == "0.0.0.0")
        #expect(outcome.report.notes.contains { $0.contains("443") && $0.contains("9000") })
        #expect(outcome.report.status == 0)
    }

    @Test("Redis: sentinels, a cluster, several clusters")
    func redis() throws {
        var redis = try load(try imported("redis-sentinel.yaml").yaml).configuration.settings.engine.redis
        #expect(redis.sentinelAddresses == ["10.0.0.1:26379", "10.0.0.2:26379"] && redis.sentinelMaster == "mymaster")
        #expect(redis.tls.enabled && redis.tls.authoritiesFile == "/etc/ssl/redis.pem")
        redis = try load(try imported("redis-cluster.json").yaml).configuration.settings.engine.redis
        #expect(redis.clusterAddresses == ["10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6379"] && redis.user == "app")
        let report = try imported("redis-two-clusters.json").report
        #expect(report.keys(.notThereYet) == ["engine.redis.cluster_address"] && report.status == 2)
    }

    @Test("a broker of Redis becomes the engine; a presence manager is not needed")
    func brokerRedis() throws {
        let outcome = try imported("broker-redis.yaml")
        let engine = try load(outcome.yaml).configuration.settings.engine
        #expect(engine.kind == .redis && engine.redis.addresses == ["10.0.0.1:6379", "10.0.0.2:6379"])
        #expect(engine.redis.prefix == "rt" && engine.redis.password == "")
        #expect(outcome.report.keys(.notNeeded).contains("presence_manager") && outcome.report.status == 0)
    }

    @Test("a broker of NATS becomes the engine, and the report says how they differ")
    func brokerNATS() throws {
        let outcome = try imported("broker-nats.yaml")
        let engine = try load(outcome.yaml).configuration.settings.engine
        #expect(engine.kind == .nats && engine.nats.urls == ["nats://10.0.0.1:4222", "nats://10.0.0.2:4222"])
        #expect(engine.nats.user == "app" && engine.nats.password == "s3cr3t-nats" && engine.nats.prefix == "real_time")
        #expect(engine.nats.tls.enabled && engine.nats.tls.authoritiesFile == "/etc/ssl/nats.pem")
        #expect(outcome.report.notes.contains { $0.contains("at most once") && $0.contains("JetStream") })
        #expect(
            outcome.report.keys(.notThereYet).sorted() == [
                "broker.nats.allow_wildcards", "broker.nats.raw_mode", "broker.nats.tls.insecure_skip_verify",
            ])
    }

    @Test("proxies become origins, each where it is asked")
    func proxies() throws {
        let outcome = try imported("proxies.yaml")
        let settings = try load(outcome.yaml).configuration.settings
        let hooks = settings.hooks
        #expect(hooks.origins.map(\.name.text) == ["special", "connect", "subscribe", "publish", "rpc"])
        #expect(hooks.connect == "connect" && hooks.refresh == "")
        #expect(hooks.origins[1].emulatedHeaders == ["x-token"] && hooks.origins[1].timeout == 3)
        #expect(hooks.origins[2].binaryEncoding)
        #expect(settings.channel.withoutNamespace.subscribeHook == "subscribe")
        #expect(settings.channel.withoutNamespace.publishHook == "")
        #expect(settings.channel.namespaces[0].options.subscribeHook == "special")
        #expect(settings.channel.namespaces[0].options.publishHook == "publish")
        #expect(hooks.rpc == [RPCRule(prefix: "admin:", origin: "special"), RPCRule(prefix: "", origin: "rpc")])
        let missing = outcome.report.keys(.notThereYet)
        for key in [
            "client.proxy.connect.http.status_to_code_transforms", "proxies[1].endpoint", "rpc.ping",
            "channel.namespaces[1].subscribe_stream_proxy_enabled",
        ] { #expect(missing.contains(key), "\(key) is not in \(missing)") }
        #expect(outcome.report.keys(.notNeeded).contains("client.proxy.refresh.endpoint"))
    }

    @Test("channels, the client's section, transports and the rest: what is missing is named")
    func missing() throws {
        #expect(
            try imported("channels.yaml").report.keys(.notThereYet) == [
                "channel.namespaces[1].subscription_type", "channel.namespaces[1].allow_tags_filter",
                "channel.namespaces[1].map",
            ])
        let client = try imported("client.json")
        #expect(try load(client.yaml).configuration.settings.client.pingInterval == 0)
        #expect(
            client.report.keys(.notThereYet) == [
                "client.channel_position_max_time_lag", "client.connect_code_to_unidirectional_disconnect",
                "client.rate_limit.client_command",
            ])
        let server = try imported("server.yaml")
        #expect(
            server.report.keys(.notThereYet) == [
                "http_server.h2c_external", "log.file", "pid_file", "health.handler_prefix",
                "prometheus.instrument_http_handlers", "debug", "opentelemetry", "graphite", "grpc_api", "admin",
            ])
        #expect(try load(server.yaml).configuration.endpoints.openAPI)
        #expect(server.report.notes.contains { $0.contains("http_server.address: 0.0.0.0") })
        #expect(
            try imported("transports.yaml").report.keys(.notThereYet) == [
                "websocket.handler_prefix", "webtransport", "uni_websocket", "uni_http_stream", "uni_sse",
            ])
        let consumers = try imported("consumers.yaml").report
        #expect(consumers.keys(.notThereYet) == ["consumers"] && consumers.keys(.unknown) == ["unknown_section.key"])
    }
}
