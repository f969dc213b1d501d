import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// The application is asked, over a whole server.
    @Suite("asking the application")
    struct Hooks {
        private static func ask(_ settings: inout ServerSettings) {
            settings.client.insecure = false
            settings.hooks.connect = "app"
            settings.hooks.rpc = [RPCRule(prefix: "", origin: "app")]
            settings.channel.withoutNamespace.subscribeHook = "app"
            settings.channel.withoutNamespace.publishHook = "app"
        }

        private func grant(_ user: UserID, channels: [ChannelName] = []) -> HookOutcome {
            var claims = ConnectionClaims()
            claims.user = user
            claims.channels = channels
            return .granted(.connect(claims, data: Array("{\"hello\":1}".utf8)), meta: Array("{\"k\":1}".utf8))
        }

        /// A client that the application has let in.
        private func connected(_ scene: StoryServer, _ origin: ScriptedOrigin, as user: UserID) async throws
            -> TestClient
        {
            let client = try scene.client()
            try client.send(.connect(id: 1))
            await origin.next().answer(grant(user))
            _ = try client.connected()
            return client
        }

        @Test(
            "the application names the user and the channels, and its state comes back with each question",
            arguments: StorySetting.all)
        func connect(_ setting: StorySetting) async throws {
            let origin = ScriptedOrigin()
            try await play(setting, Self.ask, application: Application(origin: origin)) { scene in
                let client = try scene.client()
                try client.send(.connect(id: 1), .publish(id: 2, "sport", "5"))
                let connect = await origin.next()
                #expect(connect.request.question.kind == .connect)
                #expect(connect.request.transport == "websocket")
                #expect(connect.request.isProtobuf == (setting.wire == .protobuf))
                #expect(connect.request.user.isEmpty)
                connect.answer(grant("ann", channels: ["news"]))
                let result = try client.connected()
                #expect(text(result.data) == "{\"hello\":1}")
                #expect(Array(result.subscriptions.keys) == ["news"])
                // What followed in the same frame has waited, and is asked about in its turn.
                let publish = await origin.next()
                #expect(publish.request.question == .publish(channel: "sport", data: Array("5".utf8)))
                #expect(publish.request.user == "ann")
                #expect(publish.request.client == result.client)
                #expect(text(publish.request.meta) == "{\"k\":1}")
                publish.answer(.granted(.publish(HookPublish())))
                #expect(try client.reply(to: 2) == .publish)
            }
        }

        @Test(
            "an origin that is down, slow or silent leaves nothing behind, and no client is admitted",
            arguments: StorySetting.pairs)
        func down(_ setting: StorySetting) async throws {
            let origin = ScriptedOrigin()
            try await play(setting, Self.ask, application: Application(origin: origin)) { scene in
                let refused = try scene.client()
                try refused.send(.connect(id: 1))
                await origin.next().answer(.unavailable)
                #expect(try refused.reply(to: 1) == .error(.internalError))
                // This one goes before its answer comes.
                let gone = try scene.client()
                try gone.send(.connect(id: 1))
                let late = await origin.next()
                gone.cut()
                refused.cut()
                _ = await scene.server.emptied()
                late.answer(grant("ann"))
                late.answer(grant("ann"))
                let counters = await scene.server.group.counters()
                #expect(counters.currentClients == 0)
                #expect(counters.currentUsers == 0)
                #expect(counters.currentConnections == 0)
            }
        }

        @Test("without an application where one is configured, no client is admitted")
        func missing() async throws {
            try await play(StorySetting(), Self.ask) { scene in
                let client = try scene.client()
                try client.send(.connect(id: 1))
                #expect(try client.reply(to: 1) == .error(.internalError))
            }
        }

        @Test("the answer to an old subscribe never touches the new one", arguments: StorySetting.all)
        func lateSubscribe(_ setting: StorySetting) async throws {
            let origin = ScriptedOrigin()
            try await play(setting, Self.ask, application: Application(origin: origin)) { scene in
                let client = try await connected(scene, origin, as: "ann")
                try client.send(.subscribe(id: 2, "news"))
                let first = await origin.next()
                try client.send(.unsubscribe(id: 3, "news"))
                #expect(try client.reply(to: 2) == .error(.internalError))
                #expect(try client.reply(to: 3) == .unsubscribe)
                try client.send(.subscribe(id: 4, "news"))
                let second = await origin.next()
                first.answer(.granted(.subscribe(SubscriptionOptions())))
                first.answer(.disconnect(.forceDisconnect))
                second.answer(.granted(.subscribe(SubscriptionOptions())))
                guard case .subscribe = try client.reply(to: 4) else { throw Wrong() }
                second.answer(.refused(.permissionDenied))
                await scene.publish("news", "1")
                #expect(try text(client.publication().1.data) == "1")
            }
        }

        @Test(
            "publications of one client keep their order although each waits for the application",
            arguments: StorySetting.pairs)
        func order(_ setting: StorySetting) async throws {
            let origin = ScriptedOrigin()
            try await play(
                setting,
                {
                    Self.ask(&$0)
                    $0.channel.withoutNamespace.subscribeHook = ""
                    $0.channel.withoutNamespace.allowSubscribeForClient = true
                }, application: Application(origin: origin)
            ) { scene in
                let reader = try await connected(scene, origin, as: "bob")
                try reader.subscribe("news")
                let writer = try await connected(scene, origin, as: "ann")
                for number in 0..<50 { try writer.send(.publish(id: UInt32(number + 2), "news", "\(number)")) }
                for number in 0..<50 {
                    let asked = await origin.next()
                    #expect(asked.request.question == .publish(channel: "news", data: Array("\(number)".utf8)))
                    var publish = HookPublish()
                    if number % 5 == 4 { publish.isDropped = true } else { publish.data = Array("-\(number)".utf8) }
                    asked.answer(.granted(.publish(publish)))
                    #expect(try writer.reply(to: UInt32(number + 2)) == .publish)
                }
                for number in 0..<50 where number % 5 != 4 {
                    #expect(try text(reader.publication().1.data) == "-\(number)")
                }
            }
        }

        @Test("calls are answered in the order of the answers, each with its own", arguments: StorySetting.pairs)
        func calls(_ setting: StorySetting) async throws {
            let origin = ScriptedOrigin()
            try await play(setting, Self.ask, application: Application(origin: origin)) { scene in
                let client = try await connected(scene, origin, as: "ann")
                try client.send(
                    Command(id: 2, request: .rpc(method: "a", data: Array("1".utf8))),
                    Command(id: 3, request: .rpc(method: "b", data: Array("2".utf8))))
                let (first, second) = (await origin.next(), await origin.next())
                second.answer(.granted(.rpc(data: Array("\"b\"".utf8))))
                #expect(try client.reply(to: 3) == .rpc(data: Array("\"b\"".utf8)))
                first.answer(.refused(ReplyError(code: 1_234, message: "mine")))
                #expect(try client.reply(to: 2) == .error(ReplyError(code: 1_234, message: "mine")))
            }
        }

        @Test("only what the list names is passed on of a client's request", arguments: LinkKind.allCases)
        func facts(_ kind: LinkKind) async throws {
            let origin = ScriptedOrigin()
            try await play(
                StorySetting(kind: kind),
                {
                    Self.ask(&$0)
                    var app = OriginSettings(name: "app", url: "http://127.0.0.1/")
                    app.passes.headers = ["x-tenant"]
                    app.passes.cookies = ["sid"]
                    app.passes.query = ["room"]
                    app.passes.path = true
                    $0.hooks.origins = [app]
                }, application: Application(origin: origin)
            ) { scene in
                let client = try scene.client(
                    query: "?room=a%20b&secret=1",
                    headers: [("X-Tenant", "t1"), ("Authorization", "mine"), ("Cookie", "a=1; sid=s%20; sid=2")])
                try client.send(.connect(id: 1))
                let facts = await origin.next().request.facts
                #expect(facts.headers == ["x-tenant": "t1"])
                #expect(facts.cookies == ["sid": "s%20"])
                #expect(facts.query == ["room": "a b"])
                #expect(facts.path == "/connection/websocket")
                #expect(facts.method == "GET")
                #expect(facts.address.isEmpty)
            }
        }
    }

    /// Stories of the events that a whole server reports.
    @Suite("events for the application")
    struct ReportedEvents {
        @Test(
            "a client's events are reported in their order, from connected to disconnected", arguments: StorySetting.all
        )
        func story(_ setting: StorySetting) async throws {
            let events = RecordedEvents()
            var names: [ClientName] = []
            try await play(
                setting, { $0.hooks.events = Set(OriginEvent.Kind.allCases) }, application: Application(events: events)
            ) { scene in
                let ann = try scene.connected(as: "ann", to: "news", "log:a")
                try ann.send(.unsubscribe(id: 9, "news"))
                _ = try ann.reply(to: 9)
                let bob = try scene.connected(to: "log:a")
                names = [ann.id, bob.id]
                await scene.server.call("disconnect", #"{"user":"ann"}"#)
                _ = try ann.ending()
                bob.cut()
                _ = await scene.server.emptied()
            }
            #expect(
                events.story(of: names[0]) == [
                    "connected", "subscribed news", "subscribed log:a", "unsubscribed news", "unsubscribed log:a",
                    "disconnected",
                ])
            #expect(events.story(of: names[1]).suffix(2) == ["unsubscribed log:a", "disconnected"])
            let ends = events.all.filter { $0.kind == .disconnected }
            #expect(ends.first { $0.client == names[0] }?.code == Disconnect.forceDisconnect.code)
            #expect(ends.first { $0.client == names[1] }?.code == Disconnect.connectionClosed.code)
            #expect(events.all.first { $0.kind == .unsubscribed && $0.channel == "news" }?.code == 0)
            let channels = events.all.filter { $0.client.isEmpty }.map { "\($0.kind.rawValue) \($0.channel)" }
            #expect(
                channels.filter { $0.hasSuffix("log:a") } == ["occupied log:a", "vacated log:a"])
            #expect(channels.filter { $0.hasSuffix("news") } == ["occupied news", "vacated news"])
        }

        @Test("of a connect that was never answered nothing is reported")
        func neverConnected() async throws {
            let events = RecordedEvents()
            try await play(StorySetting(), { $0.client.insecure = false }, application: Application(events: events)) {
                scene in
                let client = try scene.client()
                try client.send(.connect(id: 1, token: "expired"))
                #expect(try client.reply(to: 1) == .error(.tokenExpired))
            }
            #expect(events.all.isEmpty)
        }

        @Test(
            "server-side subscriptions are reported after the connection that they came with",
            arguments: StorySetting.shardCounts)
        func serverSide(_ setting: StorySetting) async throws {
            let events = RecordedEvents()
            var name: ClientName = ""
            try await play(setting, application: Application(events: events)) { scene in
                scene.server.verifier.setConnection("ann") {
                    $0.user = "ann"
                    $0.channels = ["news", "log:a"]
                }
                name = try scene.connected(as: "ann").id
            }
            #expect(
                events.story(of: name) == [
                    "connected", "subscribed log:a", "subscribed news", "unsubscribed log:a", "unsubscribed news",
                    "disconnected",
                ])
        }

        @Test("while nothing can be recorded no further client is admitted, and those that are there stay")
        func full() async throws {
            let events = RecordedEvents()
            try await play(StorySetting(), application: Application(events: events)) { scene in
                let early = try scene.connected(to: "news")
                events.setAccepting(false)
                #expect(throws: TestClient.Failure.refused(status: 503)) { try scene.client() }
                await scene.publish("news", "1")
                #expect(try text(early.publication().1.data) == "1")
                events.setAccepting(true)
                _ = try scene.connected()
            }
        }
    }
}
