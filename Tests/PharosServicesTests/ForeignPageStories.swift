import PharosDomain
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// The requests that a page which a user has open can make by the user's browser.
    @Suite("foreign pages")
    struct ForeignPages {
        private static let connect = #"{"id":1,"connect":{}}"#
        private static let changing = [
            #"{"id":2,"publish":{"channel":"log:a","data":1}}"#, #"{"id":2,"rpc":{"method":"pay"}}"#,
            #"{"id":2,"unsubscribe":{"channel":"log:a"}}"#, #"{"id":2,"history":{"channel":"log:a"}}"#,
            #"{"id":2,"presence":{"channel":"log:a"}}"#, #"{"id":2,"refresh":{"token":"ann"}}"#,
            #"{"id":2,"sub_refresh":{"channel":"log:a","token":"t"}}"#, #"{"send":{"data":1}}"#, #"{"id":2}"#, "{}",
        ]

        private static func encoded(_ text: String) -> String {
            text.utf8.map { byte in
                let digits = String(byte, radix: 16)
                return "%" + (digits.count == 1 ? "0" + digits : digits)
            }.joined()
        }

        @Test("an address carries out connect and subscribe, and nothing else", arguments: StorySetting.all)
        func addresses(_ setting: StorySetting) async throws {
            let origin = ScriptedOrigin()
            try await play(
                setting,
                {
                    $0.openEverything()
                    $0.hooks.rpc = [RPCRule(prefix: "", origin: "app")]
                    $0.hooks.message = "app"
                    $0.hooks.origins = [OriginSettings(name: "app", url: "http://127.0.0.1:1")]
                }, application: Application(origin: origin)
            ) { scene in
                for command in Self.changing {
                    for commands in ["\(Self.connect)\n\(command)", "\(command)\n\(Self.connect)"] {
                        let answer = try scene.ask("/connection/sse?cf_connect=" + Self.encoded(commands))
                        #expect(answer.status == 400, "\(commands)")
                        #expect(answer.body.contains("only connect and subscribe"), "\(commands)")
                    }
                }
                #expect(await scene.server.group.counters().currentClients == 0)
                #expect(origin.count == 0)
                #expect(await scene.server.call("history", #"{"channel":"log:a"}"#).contains("\"publications\":[]"))
                // In a body, which a page of another origin cannot send unnoticed, all of them are.
                let commands = "\(Self.connect)\n{\"id\":2,\"subscribe\":{\"channel\":\"log:a\"}}"
                let stream = try StreamLink(
                    scene.http().link, "/connection/sse?cf_connect=" + Self.encoded(commands))
                #expect(stream.status == 200)
                var heard = ""
                while !heard.contains("\"subscribe\":") { heard += try text(stream.chunk() ?? []) }
                stream.link.close()
                let posted = try StreamLink(
                    scene.http().link, "/connection/sse", method: "POST",
                    body: Array("\(Self.connect)\n\(Self.changing[0])".utf8))
                heard = ""
                while !heard.contains("\"publish\":") { heard += try text(posted.chunk() ?? []) }
                posted.link.close()
            }
        }

        private static let clientPaths = [
            "/connection/sse?cf_connect=%7B%22id%22%3A1%2C%22connect%22%3A%7B%7D%7D", "/events?channel=log:a",
            "/poll?channel=log:a&wait=0", "/connection/poll?session=\(SessionKeys.make())", "/raw",
        ]

        @Test(
            "what a browser calls another site's request is refused where cookies count", arguments: StorySetting.pairs)
        func fetchMetadata(_ setting: StorySetting) async throws {
            try await play(
                setting,
                {
                    $0.openEverything()
                    $0.openRaw { $0.origin = "" }
                    $0.client.allowedOrigins = ["https://app.example"]
                }
            ) { scene in
                for path in Self.clientPaths {
                    for site in ["cross-site", "same-site", "unheard-of"] {
                        let headers = [("Sec-Fetch-Site", site), ("Cookie", "a=b"), ("Accept", "text/event-stream")]
                        let answer = try scene.ask(path, headers: headers)
                        #expect(answer.status == 403, "\(path) \(site)")
                    }
                    for headers in [
                        [("Sec-Fetch-Site", "same-origin")], [("Sec-Fetch-Site", "none")], [],
                        [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://app.example")],
                    ] {
                        let link = try StreamLink(
                            scene.http().link, path, headers: headers + [("Accept", "text/event-stream")])
                        #expect(link.status != 403, "\(path) \(headers)")
                        link.link.close()
                    }
                }
                let refused = try scene.refusal { try scene.client(headers: [("Sec-Fetch-Site", "cross-site")]) }
                #expect(refused == 403)
            }
        }

        // MARK: A server that needs no key

        private static func keyless(_ settings: inout ServerSettings) {
            settings.openEverything()
            settings.openRaw { $0.origin = "" }
            settings.api.insecure = true
            settings.edge.allowedHosts = ["pharos.internal"]
            settings.client.allowedOrigins = ["loopback", "https://admin.example", "https://*.example"]
        }

        /// Makes a request under a host name of its own, and looks at its status.
        private func expect(
            _ status: Int, _ scene: StoryServer, _ path: String, _ method: String, host: String,
            _ headers: [String] = [],
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let link = try scene.http()
            let lines = (["Host: \(host)"] + headers).map { $0 + "\r\n" }.joined()
            let body = method == "POST" ? "{\"channel\":\"log:a\",\"data\":1}" : ""
            try link.link.send(
                Array("\(method) \(path) HTTP/1.1\r\n\(lines)Content-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8))
            let given = try link.response().status
            #expect(given == status, "\(method) \(path) for \(host), \(headers)", sourceLocation: sourceLocation)
        }

        @Test(
            "under a foreign host name nothing is served but the health of the process",
            arguments: StorySetting.shardCounts)
        func hosts(_ setting: StorySetting) async throws {
            try await play(setting, Self.keyless) { scene in
                let paths = [
                    ("/api/publish", "POST"), ("/api", "POST"), ("/poll?channel=log:a&wait=0", "GET"), ("/sr", "POST"),
                    ("/events?channel=log:a", "GET"), ("/", "GET"), ("/metrics", "GET"), ("/nothing", "GET"),
                    ("/connection/websocket", "GET"), ("/api/snapshot", "POST"), ("/raw", "GET"),
                ]
                for (path, method) in paths {
                    for host in [
                        "evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.", "10.0.0.9",
                    ] {
                        try expect(403, scene, path, method, host: host)
                    }
                }
                for host in ["127.0.0.1", "localhost:1234", "[::1]:8000", "pharos.internal", "Pharos.Internal:80"] {
                    try expect(200, scene, "/api/publish", "POST", host: host)
                    try expect(200, scene, "/poll?channel=log:a&wait=0", "GET", host: host)
                }
            }
        }

        @Test(
            "pages call a keyless API only from this machine, or where they are named",
            arguments: StorySetting.shardCounts)
        func calls(_ setting: StorySetting) async throws {
            try await play(setting, Self.keyless) { scene in
                let client = try scene.connected(to: "log:a")
                for path in ["/api/disconnect", "/api/publish", "/api", "/sr"] {
                    for headers in [
                        ["Origin: https://evil.test"], ["Origin: null"], ["Sec-Fetch-Site: cross-site"],
                        // A glob opens the clients' addresses, not the server API.
                        ["Origin: https://other.example"],
                    ] {
                        let plain = headers + ["Content-Type: text/plain"]
                        try expect(403, scene, path, "POST", host: "127.0.0.1", plain)
                    }
                }
                for origin in ["http://localhost:5173", "https://admin.example"] {
                    let headers = ["Origin: \(origin)"]
                    try expect(200, scene, "/api/publish", "POST", host: "127.0.0.1", headers)
                }
                _ = try client.publication()
            }
        }

        @Test(
            "where a key is asked for, the key decides, whatever the host and the page",
            arguments: StorySetting.shardCounts)
        func keyed(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything() }) { scene in
                let headers = ["Origin: https://evil.test", "X-API-Key: \(TestServer.apiKey)"]
                try expect(200, scene, "/api/publish", "POST", host: "evil.example", headers)
                try expect(200, scene, "/poll?channel=log:a&wait=0", "GET", host: "evil.example")
            }
        }

        @Test("a client needs no token on this machine only: then, too, foreign host names are refused")
        func tokenless() async throws {
            try await play(
                StorySetting(),
                {
                    $0.openEverything()
                    $0.client.insecure = true
                }
            ) { scene in
                try expect(403, scene, "/poll?channel=log:a&wait=0", "GET", host: "evil.example")
                try expect(200, scene, "/poll?channel=log:a&wait=0", "GET", host: "localhost:1")
            }
        }
    }
}
