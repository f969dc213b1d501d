import PharosConfiguration
import Testing

@Suite("Rules")
struct RulesTests {
    private static let history = "history_size: 10, history_ttl: 60s"

    @Test(
        "options of channels that contradict each other are refused, naming the option",
        arguments: [
            ("history_size: 10", "history_size", "history_ttl"),
            ("history_ttl: 60s", "history_ttl", "history_size"),
            ("history_size: 1, history_ttl: 2h, history_meta_ttl: 1h", "history_meta_ttl", "must not be shorter"),
            ("history_size: 1, history_ttl: 721h", "channel.history_meta_ttl", "must not be shorter"),
            ("force_recovery: true", "force_recovery", "needs history"),
            ("allow_recovery: true", "allow_recovery", "needs history"),
            ("delta_publish: true", "delta_publish", "needs history"),
            ("allowed_delta_types: [fossil]", "allowed_delta_types", "needs history"),
            ("durability: disk", "durability", "needs history"),
            ("durability: always", "durability", "expected one of"),
            ("slow_reader: conflate", "slow_reader", "conflation_tag"),
            ("conflation_tag: symbol", "conflation_tag", "only with `conflate`"),
            ("slow_reader: latest, conflation_tag: symbol", "conflation_tag", "slow_reader"),
            ("auto_cache_recover: true, force_recovery: true, \(history)", "auto_cache_recover", "cache"),
            (
                "auto_cache_recover: true, force_recovery_mode: cache, \(history)", "auto_cache_recover",
                "force_recovery"
            ),
            ("allowed_delta_types: [xdelta], \(history)", "allowed_delta_types", "only `fossil` exists"),
            ("channel_regex: '['", "channel_regex", "not a valid regular expression"),
            ("subscription_type: map", "subscription_type", "not available in this version"),
            ("subscribe_proxy_enabled: true", "subscribe_proxy_enabled", "`subscribe_proxy_name`"),
            ("publish_proxy_enabled: true", "publish_proxy_enabled", "`publish_proxy_name`"),
            ("sub_refresh_proxy_enabled: true", "sub_refresh_proxy_enabled", "`sub_refresh_proxy_name`"),
            ("subscribe_proxy_name: mine", "subscribe_proxy_name", "no origin `mine`"),
            ("publish_proxy_name: mine", "publish_proxy_name", "no origin `mine`"),
            ("sub_refresh_proxy_name: mine", "sub_refresh_proxy_name", "no origin `mine`"),
            ("allow_tags_filter: true", "allow_tags_filter", "not available in this version"),
            ("publication_data_format: xml", "publication_data_format", "expected one of"),
            ("slow_reader: wait", "slow_reader", "expected one of close"),
        ])
    func channelOptions(options: String, key: String, phrase: String) {
        let bare = problems("channel:\n  without_namespace: {\(options)}\n")
        let named = problems("channel:\n  namespaces:\n    - {name: chat, \(options)}\n")
        for found in [bare, named] {
            #expect(found.count == 1)
            #expect(found.first?.contains(key) == true && found.first?.contains(phrase) == true, "\(found)")
        }
    }

    @Test(
        "options that fit together are accepted",
        arguments: [
            history, "\(history), force_recovery: true, force_recovery_mode: cache, auto_cache_recover: true",
            "\(history), force_recovery: true, force_recovery_mode: stream", "force_recovery_mode: ''",
            "\(history), delta_publish: true, allowed_delta_types: [fossil]", "subscription_type: ''",
            "subscription_type: stream, subscribe_proxy_enabled: false, subscribe_proxy_name: ''",
            "channel_regex: '^[a-z]+$'", "publication_data_format: json_object", "durability: ''", "durability: memory",
            "\(history), durability: disk", "\(history), durability: memory",
            "\(history), force_recovery: true, slow_reader: drop_oldest", "\(history), slow_reader: latest",
            "slow_reader: conflate, conflation_tag: symbol",
        ])
    func goodOptions(options: String) {
        #expect(problems("channel: {namespaces: [{name: chat, \(options)}]}") == [])
    }

    @Test("the global lifetime of positions must outlast each history, except where a namespace has its own")
    func metaLifetime() {
        let file = "channel: {history_meta_ttl: 30s, without_namespace: {\(Self.history)}}"
        #expect(problems(file).first?.contains("channel.history_meta_ttl") == true)
        let own = "channel: {history_meta_ttl: 30s, without_namespace: {\(Self.history), history_meta_ttl: 60s}}"
        #expect(problems(own) == [])
    }

    @Test(
        "namespace names are of at least two known characters, each once", arguments: ["a", "a b", "a:b", "ä1", "''"])
    func namespaceNames(name: String) {
        let found = problems("channel: {namespaces: [{name: \(name)}]}".replacing("a:b", with: "'a:b'"))
        #expect(found.count == 1 && found[0].contains("channel.namespaces[0].name"), "\(found)")
    }

    @Test("a namespace without a name and one named twice are refused")
    func namespaceIdentity() {
        #expect(problems("channel: {namespaces: [{presence: true}]}").first?.contains("found none") == true)
        let twice = problems("channel: {namespaces: [{name: chat}, {name: Chat}, {name: chat}]}")
        #expect(twice.count == 1 && twice[0].contains("`channel.namespaces[2].name`: a second namespace `chat`"))
    }

    @Test(
        "settings of the server that contradict each other are refused, naming the key",
        arguments: [
            ("client.pong_timeout", "client: {pong_timeout: 25s}"),
            ("websocket.message_size_limit", "websocket: {message_size_limit: 2000000}"),
            ("http_server.address", "http_server: {address: ''}"),
            ("http_server.address", "http_server: {address: example.com}"),
            (
                "http_server.tls.port",
                "http_server: {port: 8443, tls: {enabled: true, cert_pem_file: /proc/self/stat, key_pem_file: /proc/self/stat}}"
            ),
            ("http_server.tls.enabled", "http_server: {tls: {enabled: true}}"),
            ("http_server.tls.key_pem_file", "http_server: {tls: {cert_pem_file: /proc/self/stat}}"),
            (
                "http_server.tls.cert_pem_file",
                "http_server: {tls: {enabled: true, cert_pem_file: /nowhere, key_pem_file: /proc/self/stat}}"
            ),
            ("http_server.internal_port", "http_server: {internal_port: 9000}"),
            ("http_api.keys[0].methods", "http_api: {keys: [{key: a}]}"),
            ("http_api.keys[0].methods", "http_api: {keys: [{key: a, methods: [publsh]}]}"),
            ("http_api.keys[0].key", "http_api: {keys: [{methods: [publish]}]}"),
            ("http_api.keys[0].key", "http_api: {key: a, keys: [{key: a, methods: [publish]}]}"),
            ("edge.trusted_proxies", "edge: {trusted_proxies: [10.0.0.0/33]}"),
            ("edge.trusted_proxies", "edge: {trusted_proxies: [proxy.example]}"),
            ("edge.output_limit", "edge: {output_limit: 1000000}"),
            ("node.name", "node: {name: ''}"),
            ("demo.endpoints", "demo: {endpoints: ['127.0.0.1:8001']}"),
            ("client.user_id_http_header", "client: {user_id_http_header: 'X User'}"),
            ("client.allowed_origins", "client: {allowed_origins: ['https://a https://b']}"),
            (
                "personal_channel_namespace",
                "client: {subscribe_to_user_personal_channel: {personal_channel_namespace: me}}"
            ),
            ("client.token.audience_regex", "client: {token: {audience: a, audience_regex: b}}"),
            ("client.token.issuer_regex", "client: {token: {issuer_regex: '('}}"),
            ("client.token.user_id_claim", "client: {token: {user_id_claim: user-id}}"),
            ("client.token.hmac_previous_secret_key", "client: {token: {hmac_previous_secret_key: a}}"),
            ("client.token.rsa_public_key", "client: {token: {rsa_public_key: MIIB}}"),
            ("client.token.jwks_public_endpoint", "client: {token: {jwks_public_endpoint: 'https://{{iss}}/keys'}}"),
            ("client.token.jwks_public_endpoint", "client: {token: {jwks_public_endpoint: keys.json}}"),
            (
                "client.subscription_token.issuer_regex",
                "client: {subscription_token: {enabled: true, issuer_regex: '('}}"
            ),
            ("channel.private_prefix", "channel: {private_prefix: ''}"),
            ("channel.user_boundary", "channel: {user_boundary: ':'}"),
            ("uni_sse.enabled", "uni_sse: {enabled: true}"),
            ("sse.handler_prefix", "sse: {enabled: true, handler_prefix: /stream}"),
            ("websocket.compression_level", "websocket: {compression_level: 0}"),
            ("client.session_ttl", "client: {session_ttl: 0}"),
            ("engine.type", "engine: {type: kafka}"),
        ])
    func server(key: String, file: String) {
        let found = problems(file)
        #expect(found.count == 1 && found[0].contains(key), "\(found)")
    }

    @Test("a channel on the disk needs a directory for it, and the message names both keys", arguments: [false, true])
    func durabilityNeedsStore(development: Bool) {
        let disk = "{\(Self.history), durability: disk}"
        // With --dev there is no directory unless one is given.
        let path = development ? "" : "store: {path: ''}\n"
        let found = problems(path + "channel: {without_namespace: \(disk)}\n", development: development)
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.contains("`channel.without_namespace.durability`: `disk` needs `store.path`") == true)
        let given = "store: {path: data}\nchannel: {without_namespace: \(disk)}\n"
        #expect(problems(given, development: development) == [])
    }

    @Test("the limit of all connections' output may be none, or at least that of one")
    func outputLimit() {
        #expect(problems("edge: {output_limit: 0}") == [])
        #expect(problems("edge: {output_limit: 1048576}") == [])
        #expect(
            problems(
                "edge: {output_limit: 99999}\nclient: {queue_max_size: 99999}\nwebsocket: {message_size_limit: 9999}")
                == [])
    }

    @Test("a server without pings needs no shorter pong timeout")
    func noPings() {
        #expect(problems("client: {ping_interval: 0, pong_timeout: 8s}") == [])
    }

    @Test("a rule names the line of the value it is about")
    func lineOfRule() {
        let found = problems("channel:\n  namespaces:\n    - name: chat\n      history_size: 10\n")
        #expect(found.first?.hasPrefix("pharos.yaml:4: `channel.namespaces[0].history_size`") == true)
    }
}
