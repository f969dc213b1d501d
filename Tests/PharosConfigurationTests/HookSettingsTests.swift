import PharosConfiguration
import PharosDomain
import Testing

@Suite("Hooks, origins and raw paths")
struct HookSettingsTests {
    private static let file = """
        origins:
          - name: my-app
            url: https://app.example.com/pharos
            form: cloudevents
            timeout: 500ms
            retries: 2
            concurrency: 8
            breaker_failures: 5
            breaker_pause: 3s
            ca_file: /proc/self/stat
            secret: swordfish
            static_headers: {X-Deployment: blowfish}
            http_headers: [Authorization, X-Tenant]
            http_cookies: [session]
            http_query: [room]
            client_address: true
            request_path: true
            emulated_headers: [X-Token]
            binary_encoding: true
            include_connection_meta: true
            asks_permission: true
            answer_limit: 4096
          - {name: other, url: 'http://127.0.0.1:9000'}
        hooks:
          handshake: other
          connect: my-app
          refresh: my-app
          message: other
          rpc: [{prefix: 'math:', origin: other}]
          events: [connected, vacated]
          events_to: my-app
          keep_alive_interval: 30s
          events_kept_for: 1h
          events_max_size: 100000
          open_questions: 4
          node_address: 10.0.0.7:8000
        raw:
          - path: /chat
            origin: my-app
            handshake: other
            subprotocols: [chat.v1]
            inbound_limit: 2048
            names_channels: true
        channel:
          without_namespace: {subscribe_proxy_name: my-app}
          namespaces: [{name: chat, publish_proxy_name: other, sub_refresh_proxy_name: other}]

        """

    @Test("every key reaches its setting, and names of headers are in lower case")
    func everyKey() throws {
        let settings = try load(Self.file).configuration.settings
        var app = OriginSettings(name: "my-app", url: "https://app.example.com/pharos")
        app.form = .cloudEvents
        app.timeout = 0.5
        app.retries = 2
        app.concurrency = 8
        app.breakerFailures = 5
        app.breakerPause = 3
        app.certificateAuthority = "/proc/self/stat"
        app.secret = "swordfish"
        app.staticHeaders = ["X-Deployment": "blowfish"]
        app.passes.headers = ["authorization", "x-tenant"]
        app.passes.cookies = ["session"]
        app.passes.query = ["room"]
        app.passes.address = true
        app.passes.path = true
        app.emulatedHeaders = ["x-token"]
        app.binaryEncoding = true
        app.includeConnectionMeta = true
        app.asksPermission = true
        app.answerLimit = 4096
        var raw = RawPath(path: "/chat")
        raw.origin = "my-app"
        raw.handshake = "other"
        raw.subprotocols = ["chat.v1"]
        raw.inboundLimit = 2048
        raw.namesChannels = true
        var hooks = HookSettings()
        hooks.origins = [app, OriginSettings(name: "other", url: "http://127.0.0.1:9000")]
        hooks.raw = [raw]
        (hooks.handshake, hooks.connect, hooks.refresh, hooks.message) = ("other", "my-app", "my-app", "other")
        hooks.rpc = [RPCRule(prefix: "math:", origin: "other")]
        hooks.events = [.connected, .vacated]
        (hooks.eventsTo, hooks.keepAliveInterval, hooks.eventsKeptFor) = ("my-app", 30, 3600)
        (hooks.eventsMaxSize, hooks.openQuestions) = (100_000, 4)
        hooks.nodeAddress = "10.0.0.7:8000"
        #expect(settings.hooks == hooks)
        #expect(settings.channel.withoutNamespace.subscribeHook == "my-app")
        #expect(settings.channel.namespaces[0].options.publishHook == "other")
        #expect(settings.channel.namespaces[0].options.subRefreshHook == "other")
    }

    @Test("neither a secret nor the text of a header is shown")
    func secrets() throws {
        let report = try load(Self.file).report()
        #expect(!report.contains("swordfish") && !report.contains("blowfish"))
        #expect(report.contains("origins[0].secret = (set, 9 characters)"))
        #expect(report.contains(#"origins[0].static_headers = {"X-Deployment": (set)}"#))
        #expect(report.contains("hooks.events = [connected, vacated]"))
    }

    @Test("an origin's secret may come from a variable of its own, also if a flag lists the origins")
    func secretFromVariable() throws {
        let variable = "PHAROS_ORIGINS_MY_APP_SECRET"
        let loaded = try load(Self.file, environment: [variable: "starfish"])
        #expect(loaded.configuration.settings.hooks.origins.map(\.secret) == ["starfish", ""])
        #expect(loaded.origin(of: "origins[0].secret") == .environment(variable))
        let list = #"[{"name":"my-app","url":"http://a","static_headers":{"a":"b"}}]"#
        let flag = try load(environment: [variable: "starfish"], overrides: [("origins", list)])
        #expect(flag.configuration.settings.hooks.origins.map(\.secret) == ["starfish"])
        #expect(flag.configuration.settings.hooks.origins[0].staticHeaders == ["a": "b"])
        let found = problems(Self.file, environment: ["PHAROS_ORIGINS_MY_APPS_SECRET": "starfish"])
        #expect(found.count == 1 && found[0].contains("did you mean `PHAROS_ORIGINS_MY_APP_SECRET`?"), "\(found)")
        #expect(!found.joined().contains("starfish"))
    }

    @Test("at start the operator learns what is open, unsigned or would be lost")
    func notices() throws {
        let open = try load("raw: [{path: /chat, open: true}]\norigins: [{name: a, url: 'http://a'}]\n").notices
        #expect(open.contains("raw path /chat is open: everybody may connect to it"))
        #expect(open.contains { $0.hasPrefix("no secret for a: ") })
        let kept = try load(Self.file)
        #expect(kept.configuration.tellsEvents && !kept.notices.contains { $0.hasPrefix("no store.path") })
        #expect(!kept.notices.contains { $0.contains("so no client can connect") })
        let lost = try load(Self.file + "store: {path: ''}\n").notices
        #expect(lost.contains { $0.hasPrefix("no store.path") })
    }

    @Test("a fresh configuration asks and tells nobody")
    func fresh() throws {
        let loaded = try load()
        #expect(loaded.configuration.settings.hooks == HookSettings())
        #expect(!loaded.configuration.tellsEvents)
    }
}
