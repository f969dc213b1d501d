import PharosConfiguration
import Testing

@Suite("Rules of hooks, origins and raw paths")
struct HookRulesTests {
    /// One origin of each form.
    private static let origins = """
        origins:
          - {name: app, url: 'http://127.0.0.1:9000/hooks'}
          - {name: cloud, url: 'https://app.example.com', form: cloudevents}
          - {name: gate, url: 'http://[::1]:9000', form: authorize}
          - {name: raw, url: 'http://localhost/ws?a=b', form: websocket_service}

        """

    @Test(
        "what contradicts itself is refused, naming the key",
        arguments: [
            ("hooks: {connect: ap}", "`hooks.connect`: no origin `ap` in `origins`: did you mean `app`?"),
            ("hooks: {connect: gate}", "`hooks.connect`: `gate` has the form `authorize`, which is not for this"),
            ("hooks: {refresh: raw}", "`hooks.refresh`: `raw` has the form `websocket_service`"),
            ("hooks: {message: gate}", "`hooks.message`: `gate` has the form"),
            ("hooks: {handshake: raw}", "`hooks.handshake`: `raw` has the form"),
            ("hooks: {rpc: [{prefix: a}]}", "`hooks.rpc[0].origin`: name the origin"),
            ("hooks: {rpc: [{origin: nobody}]}", "`hooks.rpc[0].origin`: no origin `nobody`"),
            ("hooks: {rpc: [{origin: app}, {origin: cloud}]}", "`hooks.rpc[1].prefix`: a second rule for ``"),
            ("hooks: {events: [connected]}", "`hooks.events`: needs `hooks.events_to`"),
            ("hooks: {events: [connected], events_to: raw}", "`hooks.events_to`: `raw` has the form"),
            ("hooks: {events: [raw_closed], events_to: app}", "`hooks.events`: expected a list of connected, "),
            ("hooks: {events_to: app}", "`hooks.events_to`: has a meaning only with `hooks.events`"),
            ("hooks: {keep_alive_interval: 30s}", "`hooks.keep_alive_interval`: needs `hooks.events_to`"),
            ("hooks: {open_questions: 0}", "`hooks.open_questions`: expected a whole number"),
            ("hooks: {node_address: 'a b'}", "`hooks.node_address`: expected"),
            ("raw: [{path: /x}]", "`raw[0].open`: say who may connect"),
            ("raw: [{path: /x, open: true, handshake: gate}]", "`raw[0].open`: `handshake` decides already"),
            ("raw: [{path: /x, handshake: raw}]", "`raw[0].handshake`: `raw` has the form"),
            ("raw: [{path: /x, open: true, origin: gate}]", "`raw[0].origin`: `gate` has the form"),
            ("raw: [{path: x, open: true}]", "`raw[0].path`: expected a path that begins with `/`"),
            ("raw: [{path: '/x?a', open: true}]", "`raw[0].path`: expected a path"),
            ("raw: [{open: true}]", "`raw[0].path`: expected a path"),
            ("raw: [{path: /x, open: true}, {path: /x, open: true}]", "`raw[1].path`: `/x` a second time"),
            ("raw: [{path: /x, open: true, subprotocols: ['a b']}]", "`raw[0].subprotocols`: not the name"),
            ("client: {proxy: {connect: {enabled: true}}}", "name the origin in `hooks.connect`"),
            (
                "proxies: [{name: a}]",
                "`proxies[0].name`: not available in this version; nearest: give it an `endpoint`"
            ),
        ])
    func contradictions(file: String, message: String) {
        let found = problems(Self.origins + file)
        #expect(found.count == 1 && found[0].contains(message), "\(found)")
    }

    @Test(
        "paths of Pharos' own stay its own",
        arguments: [
            "/", "/connection/websocket", "/connection/mine", "/connection", "/emulation", "/events", "/poll", "/api",
            "/api/publish", "/health", "/health/ready", "/metrics", "/openapi.json", "/pharos.js", "/pharos.min.js",
            "/pharos.d.ts", "/pharos-protobuf.js", "/pharos-protobuf.d.ts", "/demo.js", "/demo.css", "/demo.json",
            "/sr", "/@connections", "/@connections/x",
        ])
    func servedPaths(path: String) {
        let found = problems("raw: [{path: '\(path)', open: true}]")
        #expect(found.count == 1 && found[0].contains("`raw[0].path`: `\(path)` is a path of Pharos' own"), "\(found)")
    }

    @Test(
        "an origin needs a name and an address that can be asked",
        arguments: [
            ("{url: 'http://a'}", "origins[0].name"), ("{name: 'a b', url: 'http://a'}", "origins[0].name"),
            ("{name: a}", "origins[0].url"), ("{name: a, url: 'ftp://a'}", "https:// or http://"),
            ("{name: a, url: 'http://'}", "origins[0].url"), ("{name: a, url: 'http://a:0'}", "origins[0].url"),
            ("{name: a, url: 'http://a:99999'}", "origins[0].url"), ("{name: a, url: 'http://[a]'}", "origins[0].url"),
            ("{name: a, url: 'http://a/b#c'}", "origins[0].url"), ("{name: a, url: 'http://a/ b'}", "origins[0].url"),
            ("{name: a, url: 'http://me:swordfish@a'}", "static_headers"),
            ("{name: a, url: 'http://a', form: soap}", "origins[0].form"),
            ("{name: a, url: 'https://a', ca_file: /nowhere}", "origins[0].ca_file"),
            ("{name: a, url: 'http://a', timeout: 0}", "origins[0].timeout"),
            ("{name: a, url: 'http://a', http_headers: [Host]}", "cannot be passed on"),
            ("{name: a, url: 'http://a', http_headers: ['X A']}", "not the name of a header"),
            ("{name: a, url: 'http://a', http_headers: [Cookie]}", "http_cookies"),
            ("{name: a, url: 'http://a', emulated_headers: [Ce-Subject]}", "cannot be passed on"),
            ("{name: a, url: 'http://a', emulated_headers: [X-Pharos-User]}", "cannot be passed on"),
            ("{name: a, url: 'http://a', static_headers: {Content-Length: 1}}", "cannot be passed on"),
            ("{name: a, url: 'http://a', static_headers: {X: \"a\\nb\"}}", "characters that no header may have"),
            ("{name: a, url: 'http://a', static_headers: [a]}", "expected a section of names and texts"),
            ("{name: a, url: 'http://a', http_cookies: ['a=b']}", "not the name of a cookie"),
            ("{name: a, url: 'http://a', http_query: ['']}", "http_query"),
        ])
    func badOrigins(origin: String, phrase: String) {
        let found = problems("origins: [\(origin)]")
        #expect(found.count == 1 && found[0].contains(phrase) && found[0].contains("origins[0]"), "\(found)")
        #expect(!found.joined().contains("swordfish"))
    }

    @Test("two origins cannot share a name")
    func twice() {
        let found = problems("origins: [{name: a, url: 'http://a'}, {name: a, url: 'http://b'}]")
        #expect(found.count == 1 && found[0].contains("`origins[1].name`: a second origin `a`"), "\(found)")
    }

    @Test(
        "what fits together is accepted",
        arguments: [
            "hooks: {connect: app, refresh: cloud, message: app, handshake: gate}", "hooks: {handshake: cloud}",
            "hooks: {rpc: [{origin: app}, {prefix: 'admin:', origin: cloud}]}",
            "hooks: {events: [connected, disconnected], events_to: app, keep_alive_interval: 30s}",
            "hooks: {events_to: cloud, keep_alive_interval: 30s}",
            "hooks: {keep_alive_interval: 30s}\nraw: [{path: /x, origin: raw, open: true}]",
            "raw: [{path: /x, origin: cloud, handshake: gate}, {path: /X, origin: app, handshake: app}]",
            "channel: {without_namespace: {subscribe_proxy_name: app, publish_proxy_name: cloud}}",
            "channel: {namespaces: [{name: chat, subscribe_proxy_name: app, sub_refresh_proxy_name: app}]}",
            "proxies: []\nrpc: {namespaces: []}",
        ])
    func fitting(file: String) {
        #expect(problems(Self.origins + file) == [])
    }

    @Test("a name that could not be read is one problem, not two")
    func noFollowingErrors() {
        let found = problems("origins: [{name: [a], url: 'http://a'}]\nhooks: {connect: a}\n")
        #expect(found.count == 1, "\(found)")
    }
}
