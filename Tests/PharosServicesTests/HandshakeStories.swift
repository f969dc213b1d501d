import PharosDomain
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// The application decides about a request before it is served.
    @Suite("asking at the handshake")
    struct Handshake {
        private static func gated(_ settings: inout ServerSettings) {
            settings.openEverything()
            settings.client.allowAnonymousConnectWithoutToken = false
            settings.hooks.handshake = "gate"
            var gate = OriginSettings(name: "gate", url: "http://127.0.0.1:1")
            gate.passes.headers = ["authorization"]
            gate.passes.query = ["room"]
            gate.passes.path = true
            gate.passes.address = true
            settings.hooks.origins = [gate]
        }

        private func granted(_ user: UserID, _ channels: ChannelName...) -> HookOutcome {
            var claims = ConnectionClaims()
            claims.user = user
            claims.channels = channels
            return .granted(.handshake(claims), meta: Array("{\"m\":1}".utf8))
        }

        @Test(
            "the application is shown the request and names the channels; the client names none (GO-1)",
            arguments: StorySetting.all)
        func channels(_ setting: StorySetting) async throws {
            let gate = ScriptedOrigin()
            try await play(setting, Self.gated, application: Application(origin: gate)) { scene in
                async let opened = scene.client(query: "?room=7&x=1", headers: [("Authorization", "Bearer t")])
                let asked = await gate.next()
                #expect(asked.request.question == .handshake)
                #expect(asked.request.transport == "websocket")
                #expect(asked.request.client.isEmpty)
                #expect(asked.request.facts.method == "GET")
                #expect(asked.request.facts.path == "/connection/websocket")
                #expect(asked.request.facts.headers == ["authorization": "Bearer t"])
                #expect(asked.request.facts.query == ["room": "7"])
                #expect(asked.request.facts.address == ("127.0.0.1"))
                asked.answer(granted("ann", "news", "log:a"))
                asked.answer(.status(403))
                let client = try await opened
                try client.send(.connect(id: 1))
                let result = try client.connected()
                #expect(Set(result.subscriptions.keys) == ["news", "log:a"])
                await scene.publish("news", "1")
                #expect(try client.publication().channel == "news")
                let members = await scene.server.call("info", "{}")
                #expect(number("num_users", in: members) == 1)
            }
        }

        @Test("every transport's first request is asked about", arguments: Crossing.all)
        func transports(_ crossing: Crossing) async throws {
            let gate = ScriptedOrigin()
            try await play(crossing.setting, Self.gated, application: Application(origin: gate)) { scene in
                async let opened = { () -> (TestClient, ConnectResult) in
                    let client = try scene.client(over: crossing.transport)
                    return (client, try client.connect())
                }()
                await gate.next().answer(granted("ann", "news"))
                let (client, result) = try await opened
                #expect(Array(result.subscriptions.keys) == ["news"])
                await scene.publish("news", "1")
                #expect(try client.publication().channel == "news")
                #expect(gate.count == 1)
            }
        }

        @Test(
            "a refusal, nonsense and silence leave the client outside, each with its status (GO-1)",
            arguments: StorySetting.pairs)
        func refusals(_ setting: StorySetting) async throws {
            let gate = ScriptedOrigin()
            let answers: [(HookOutcome, Int)] = [
                (.status(401), 401), (.status(403), 403), (.status(429), 429), (.status(418), 418), (.status(500), 503),
                (.unavailable, 503), (.granted(.message), 503), (.disconnect(.permissionDenied), 403),
                (.refused(.unauthorized), 401),
                (.granted(.handshake(ConnectionClaims()), meta: Array(repeating: 32, count: 20_000)), 503),
            ]
            try await play(setting, Self.gated, application: Application(origin: gate)) { scene in
                for (answer, status) in answers {
                    async let refused = scene.refusal { try scene.client() }
                    await gate.next().answer(answer)
                    let given = try await refused
                    #expect(given == status)
                }
            }
        }

        @Test("plain event streams and polls hear what was granted", arguments: StorySetting.pairs)
        func plain(_ setting: StorySetting) async throws {
            let gate = ScriptedOrigin()
            try await play(setting, Self.gated, application: Application(origin: gate)) { scene in
                async let opened = scene.events("")
                let asked = await gate.next()
                #expect(asked.request.transport == "events")
                asked.answer(granted("ann", "log:a"))
                let stream = try await opened
                #expect(stream.stream.status == 200)
                async let polled = scene.ask("/poll?channel=log:a&from=oldest&wait=0")
                await gate.next().answer(granted("bob", "log:a"))
                let polledStatus = try await polled.status
                #expect(polledStatus == 200)
                async let refused = scene.ask("/poll?channel=closed:a&from=oldest&wait=0")
                await gate.next().answer(granted("bob", "log:a"))
                let refusedStatus = try await refused.status
                #expect(refusedStatus == 403)
            }
        }

        @Test(
            "a client that goes before the answer leaves nothing, and the answer finds no request",
            arguments: StorySetting.pairs)
        func gone(_ setting: StorySetting) async throws {
            let gate = ScriptedOrigin()
            try await play(setting, Self.gated, application: Application(origin: gate)) { scene in
                let link = try scene.http()
                try link.link.send(
                    HTTPLink.request(
                        "/connection/websocket", method: "GET",
                        headers: [
                            ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
                        ]))
                let asked = await gate.next()
                link.link.close()
                await scene.until { await scene.server.group.counters().currentConnections == 0 }
                asked.answer(granted("ann", "news"))
                await scene.settle()
                // The slot is another client's now, about which the application is asked anew.
                async let opened = scene.client()
                await gate.next().answer(granted("bob"))
                let client = try await opened
                asked.answer(granted("ann", "news"))
                try client.send(.connect(id: 1))
                #expect(try client.connected().subscriptions.isEmpty)
            }
        }

        @Test("a token still says who the client is, and the handshake's claims serve one connection only")
        func token() async throws {
            let gate = ScriptedOrigin()
            try await play(StorySetting(), Self.gated, application: Application(origin: gate)) { scene in
                async let opened = scene.client()
                await gate.next().answer(granted("ann", "news"))
                let client = try await opened
                #expect(try client.connect(token: "bob").subscriptions.isEmpty)
            }
        }

        @Test("without an application behind the hook no client is admitted")
        func closed() async throws {
            try await play(StorySetting(), Self.gated) { scene in
                #expect(throws: TestClient.Failure.refused(status: 503)) { try scene.client() }
            }
        }
    }
}
