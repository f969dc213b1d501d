import Foundation
import PharosConfiguration
import PharosDomain
import Testing

@Suite("Sources")
struct SourcesTests {
    @Test("flags win over environment, environment over file, file over defaults")
    func precedence() throws {
        let file = "http_server: {port: 9001}\nclient:\n  channel_limit: 11\n  queue_max_size: 99999\n"
        let loaded = try load(
            file, environment: ["PHAROS_HTTP_SERVER_PORT": "9002", "PHAROS_CLIENT_CHANNEL_LIMIT": "12"],
            overrides: [("http_server.port", "9003")])
        let settings = loaded.configuration.settings
        #expect(settings.edge.port == 9003)
        #expect(settings.client.channelLimit == 12)
        #expect(settings.client.queueMaxSize == 99_999)
        #expect(settings.client.pingInterval == 25)
        #expect(loaded.origin(of: "http_server.port") == .flag)
        #expect(loaded.origin(of: "client.channel_limit") == .environment("PHAROS_CLIENT_CHANNEL_LIMIT"))
        #expect(loaded.origin(of: "client.queue_max_size").description.hasSuffix("pharos.yaml:4"))
        #expect(loaded.origin(of: "client.ping_interval") == .standard)
    }

    @Test("the later of two flags for one key wins")
    func flagsInOrder() throws {
        let loaded = try load(overrides: [("http_server.port", "1"), ("http_server.port", "2")])
        #expect(loaded.configuration.settings.edge.port == 2)
    }

    @Test("PHAROS_CONFIG names the file where no flag does")
    func fileFromEnvironment() {
        let found = problems(environment: ["PHAROS_CONFIG": "/nowhere/pharos.yaml"])
        #expect(found == ["/nowhere/pharos.yaml: cannot be read: No such file or directory"])
    }

    @Test("lists in variables are comma separated or JSON, namespaces are JSON")
    func listsInVariables() throws {
        let loaded = try load(environment: [
            "PHAROS_CLIENT_ALLOWED_ORIGINS": "https://a.example, https://b.example",
            "PHAROS_EDGE_TRUSTED_PROXIES": #"["10.0.0.0/8", "::1"]"#,
            "PHAROS_CLIENT_REGISTERED_NAMES": "",
            "PHAROS_CHANNEL_NAMESPACES":
                #"[{"name":"chat","presence":true},{"name":"feed","history_ttl":"5m","history_size":9}]"#,
        ])
        let settings = loaded.configuration.settings
        #expect(settings.client.allowedOrigins == ["https://a.example", "https://b.example"])
        #expect(settings.edge.trustedProxies == ["10.0.0.0/8", "::1"])
        #expect(settings.client.registeredNames.isEmpty)
        #expect(settings.channel.namespaces.map(\.name) == ["chat", "feed"])
        #expect(settings.channel.namespaces[0].options.presence)
        #expect(settings.channel.namespaces[1].options.historyTTL == 300)
        #expect(loaded.origin(of: "channel.namespaces[1].history_ttl") == .environment("PHAROS_CHANNEL_NAMESPACES"))
    }

    @Test("a list given anew replaces the former one and its origins")
    func listReplaced() throws {
        let file = "channel:\n  namespaces:\n    - name: first\n      presence: true\n    - name: second\n"
        let loaded = try load(file, overrides: [("channel.namespaces", #"[{"name":"third"}]"#)])
        #expect(loaded.configuration.settings.channel.namespaces.map(\.name) == ["third"])
        #expect(loaded.origin(of: "channel.namespaces[0].name") == .flag)
        #expect(loaded.origins["channel.namespaces[0].presence"] == nil)
        #expect(loaded.origins["channel.namespaces[1].name"] == nil)
    }

    @Test("JSON and flat dotted keys are read like nested YAML")
    func jsonAndFlatKeys() throws {
        let json = "{\n\t\"http_server\": {\"port\": \"9000\"},\n\t\"client.channel_limit\": 5\n}\n"
        let settings = try load(json).configuration.settings
        #expect(settings.edge.port == 9000)
        #expect(settings.client.channelLimit == 5)
    }

    @Test("anchors and merges work, and a key of the section itself wins")
    func merges() throws {
        let file = """
            channel:
              without_namespace: &open {presence: true, history_size: 10, history_ttl: 60s}
              namespaces:
                - history_size: 5
                  <<: *open
                  name: chat
            """
        let options = try load(file).configuration.settings.channel.namespaces[0].options
        #expect(options.presence)
        #expect(options.historySize == 5)
        #expect(options.historyTTL == 60)
    }

    @Test("a document that doubles itself by aliases is refused")
    func aliasesOfAliases() {
        var file = "a0: &a0 [x, x]\n"
        for level in 1..<40 { file += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(problems(file).first?.contains("more than 50000 values") == true)
    }

    @Test("an empty file and empty sections are a configuration")
    func emptySections() throws {
        #expect(try load("").configuration == PharosConfiguration())
        #expect(try load("http_server:\n  # port: 9000\nclient: {}\n").configuration == PharosConfiguration())
    }

    @Test("several sections arrive as one value each")
    func sections() throws {
        let file = """
            http_server: {address: localhost}
            http_api:
              key: all
              keys:
                - {key: narrow, methods: [publish, broadcast]}
              error_mode: transport
            client:
              token: {hmac_secret_key: one, audience: me, user_id_claim: uid}
              subscription_token: {enabled: true, hmac_secret_key: two}
            log: {level: debug, format: json}
            health: {enabled: true}
            """
        let configuration = try load(file).configuration
        #expect(configuration.settings.edge.address == "127.0.0.1")
        #expect(
            configuration.settings.api.keys == [
                APIKey(key: "all"), APIKey(key: "narrow", methods: ["publish", "broadcast"]),
            ])
        #expect(configuration.settings.api.transportErrorMode)
        #expect(configuration.tokens.hmacSecretKey == "one")
        #expect(configuration.tokens.audience == "me")
        #expect(configuration.tokens.userIDClaim == "uid")
        #expect(configuration.subscriptionTokens?.hmacSecretKey == "two")
        #expect(configuration.log.level == .debug)
        #expect(configuration.log.format == .json)
        #expect(configuration.endpoints.health)
    }

    @Test("transports, flow control and the store arrive where the services look for them")
    func transportsAndStore() throws {
        let file = """
            websocket: {compression: true, compression_min_size: 200, compression_level: 6}
            http_stream: {enabled: true}
            events: {enabled: true}
            client:
              session_ttl: 90s
              session_limit: 5
              rate_limit: {per_connection: 10, per_user: 20, per_address: 30}
            edge: {output_limit: 5000000}
            store: {path: /srv/pharos, cache_size: 1024}
            channel:
              namespaces:
                - {name: ticks, slow_reader: conflate, conflation_tag: symbol}
                - {name: chat, history_size: 9, history_ttl: 60s, durability: disk, allowed_delta_types: [fossil]}
            """
        let settings = try load(file).configuration.settings
        var transports = TransportSettings()
        transports.compression = true
        transports.compressionMinSize = 200
        transports.compressionLevel = 6
        transports.httpStream = true
        transports.events = true
        #expect(settings.transports == transports)
        #expect(settings.client.sessionTTL == 90 && settings.client.sessionLimit == 5)
        let limits = settings.client.rateLimits
        #expect(limits.perConnection == 10 && limits.perUser == 20 && limits.perAddress == 30)
        #expect(settings.edge.outputLimit == 5_000_000)
        #expect(settings.store.path == "/srv/pharos" && settings.store.cacheSize == 1024)
        let (ticks, chat) = (settings.channel.namespaces[0].options, settings.channel.namespaces[1].options)
        #expect(ticks.slowReader == .conflate && ticks.conflationTag == "symbol")
        #expect(chat.durability == .disk && chat.allowedDeltaTypes == ["fossil"])
    }

    @Test(
        "the store is opened only where a channel needs it",
        arguments: [
            ("", false), ("{history_size: 9, history_ttl: 60s}", true),
            ("{history_size: 9, history_ttl: 60s, durability: disk}", true),
            ("{history_size: 9, history_ttl: 60s, durability: memory}", false),
        ])
    func storeInUse(options: String, expected: Bool) throws {
        let file = options.isEmpty ? "" : "channel: {without_namespace: \(options)}\n"
        let configuration = try load(file).configuration
        #expect(configuration.settings.store.path == "pharos-data")
        #expect(configuration.storesOnDisk == expected)
        if !options.contains("disk}") {
            #expect(try !load(file + "store: {path: ''}\n").configuration.storesOnDisk)
        }
    }

    @Test("the variables of a build and of its tests are no settings")
    func foreignVariables() {
        #expect(problems(environment: ["PHAROS_REQUIRE_ALL": "1", "PHAROS_CORE": "1", "PHAROS_BIN": "x"]) == [])
    }
}
