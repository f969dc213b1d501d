import PharosDomain
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// Connections without our protocol, and the origin that they belong to.
    @Suite("raw connections")
    struct Raw {
        /// Both kinds of connection, one shard and two.
        static let storySettings = [1, 2].flatMap { shards in
            LinkKind.allCases.map { StorySetting(shards: shards, kind: $0) }
        }

        @Test(
            "the origin hears of the connection first, then of each message, and answers go out",
            arguments: storySettings)
        func echo(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            let events = RecordedEvents()
            try await play(
                setting, { $0.openRaw { $0.subprotocols = ["chat.v2", "chat.v1"] } },
                application: Application(raw: origin, events: events)
            ) { scene in
                let client = try scene.raw(
                    headers: [("Sec-WebSocket-Protocol", "none, chat.v1, chat.v2")], subprotocol: "chat.v1",
                    messages: ["one"])
                let established = await origin.next()
                #expect(established.origin == "app")
                #expect(established.event.sequence == 1)
                #expect(established.event.kind == .established(subprotocol: "chat.v1"))
                // The message that came with the handshake waits for the answer.
                #expect(events.all.isEmpty)
                established.accept("welcome")
                #expect(try client.text() == "welcome")
                let id = established.event.connection
                let first = await origin.next()
                #expect(first.event.kind == .message(Array("one".utf8), isText: true))
                #expect(first.event.connection == id)
                #expect(first.event.sequence == 2)
                first.answer(.accepted([RawMessage([1, 2], isText: false), RawMessage([0x33], isText: true)]))
                #expect(try client.next() == .binary([1, 2]))
                #expect(try client.text() == "3")
                try client.send([9])
                let second = await origin.next()
                #expect(second.event.kind == .message([9], isText: false))
                second.accept()
                try client.close()
                #expect(try client.closing().code == 1000)
                await scene.until { events.end(of: id) != nil }
                #expect(events.story(of: id) == ["raw_established", "raw_closed"])
                #expect(events.all.allSatisfy { $0.origin == "app" && $0.transport == "raw" })
            }
        }

        @Test("without a common subprotocol the answer names none")
        func noSubprotocol() async throws {
            let origin = ScriptedRawOrigin { _ in .accepted([]) }
            try await play(
                StorySetting(), { $0.openRaw { $0.subprotocols = ["a"] } }, application: Application(raw: origin)
            ) { scene in
                _ = try scene.raw(headers: [("Sec-WebSocket-Protocol", "b")], subprotocol: "")
                await scene.until { !origin.events.isEmpty }
                #expect(origin.events[0].kind == .established(subprotocol: ""))
            }
        }

        @Test("an origin that fails one message ends the connection and leaks nothing (WS-1)", arguments: storySettings)
        func failure(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            let events = RecordedEvents()
            try await play(
                setting, { $0.openRaw() }, application: Application(raw: origin, events: events)
            ) { scene in
                let (other, _) = try await scene.accepted(origin)
                let before = await scene.server.group.counters()
                let (client, id) = try await scene.accepted(origin)
                try client.send("a")
                try client.send("b")
                let message = await origin.next()
                await scene.until { await scene.server.group.counters().currentRawBytes > 100 }
                message.answer(.failed)
                message.answer(.failed)
                #expect(try client.closing().code == 1011)
                client.link.close()
                await scene.until {
                    await scene.server.group.counters().currentConnections == before.currentConnections
                }
                let after = await scene.server.group.counters()
                #expect(after.currentRawConnections == before.currentRawConnections)
                #expect(after.currentRawBytes == 0)
                #expect(events.story(of: id) == ["raw_established", "raw_closed"])
                #expect(events.end(of: id)?.code == 1011)
                // What came behind the message that failed was not delivered, and the other connection goes on.
                #expect(origin.events.count == 3)
                try other.send("c")
                await origin.next().accept("d")
                #expect(try other.text() == "d")
            }
        }

        @Test("a client that was not accepted is closed, and no end is reported", arguments: StorySetting.shardCounts)
        func notAccepted(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin { _ in .failed }
            let events = RecordedEvents()
            try await play(
                setting, { $0.openRaw() }, application: Application(raw: origin, events: events)
            ) { scene in
                let client = try scene.raw()
                #expect(try client.closing().code == 1011)
                client.link.close()
                _ = await scene.server.emptied()
                #expect(events.all.isEmpty)
            }
        }

        @Test("without an origin at all no client stays")
        func noOrigin() async throws {
            try await play(StorySetting(), { $0.openRaw() }) { scene in
                let client = try scene.raw()
                #expect(try client.closing().code == 1011)
            }
        }

        @Test("of 10,000 connections that speak at once each is established first and closed last (WS-2)")
        func order() async throws {
            let origin = ScriptedRawOrigin { _ in .accepted([]) }
            let events = RecordedEvents()
            try await play(
                StorySetting(shards: 2, kind: .tls), { $0.openRaw() },
                application: Application(raw: origin, events: events)
            ) { scene in
                for _ in 0..<20 { try scene.comeAndGo(500, saying: ["first", "second"]) }
                await scene.until { events.count == 20_000 }
                let byConnection = Dictionary(grouping: origin.events, by: \.connection)
                #expect(byConnection.count == 10_000)
                let whole: [RawEvent.Kind] = [
                    .established(subprotocol: ""), .message(Array("first".utf8), isText: true),
                    .message(Array("second".utf8), isText: true),
                ]
                #expect(byConnection.values.allSatisfy { $0.map(\.kind) == whole && $0.map(\.sequence) == [1, 2, 3] })
                let stories = Dictionary(grouping: events.all, by: \.client)
                #expect(stories.count == 10_000)
                #expect(stories.values.allSatisfy { $0.map(\.kind) == [.rawEstablished, .rawClosed] })
            }
        }

        @Test("the first event carries what may be passed on, and no later one does (WS-4)", arguments: storySettings)
        func facts(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            try await play(
                setting,
                { settings in
                    settings.openRaw()
                    var app = OriginSettings(name: "app", url: "http://127.0.0.1:1")
                    app.passes.headers = ["x-team"]
                    app.passes.cookies = ["login"]
                    app.passes.query = ["room"]
                    app.passes.address = true
                    app.passes.path = true
                    settings.hooks.origins = [app]
                }, application: Application(raw: origin)
            ) { scene in
                let client = try scene.raw(
                    "/raw?room=5&secret=1",
                    headers: [("X-Team", "blue"), ("X-Other", "no"), ("Cookie", "a=b; login=ann")])
                let established = await origin.next()
                var facts = RequestFacts()
                facts.method = "GET"
                facts.path = "/raw"
                facts.headers = ["x-team": "blue"]
                facts.cookies = ["login": "ann"]
                facts.query = ["room": "5"]
                facts.address = "127.0.0.1"
                #expect(established.event.facts == facts)
                established.accept()
                try client.send("x")
                let message = await origin.next()
                #expect(message.event.facts == RequestFacts())
                message.accept()
            }
        }

        @Test("a message beyond the limit closes with 1009, and the end is reported (WS-10)", arguments: storySettings)
        func tooLong(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            let events = RecordedEvents()
            try await play(
                setting,
                {
                    $0.openRaw()
                    $0.edge.messageSizeLimit = 1_000
                }, application: Application(raw: origin, events: events)
            ) { scene in
                let (client, id) = try await scene.accepted(origin)
                // Only the frame's header is there: no byte of the message need arrive.
                try client.link.send([0x82, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
                #expect(try client.closing().code == 1009)
                await scene.until { events.end(of: id) != nil }
                #expect(origin.events.count == 1)
            }
        }

        @Test("a path without an origin takes no messages")
        func onlyHears() async throws {
            try await play(StorySetting(), { $0.openRaw { $0.origin = "" } }) { scene in
                let client = try scene.raw()
                try client.send("x")
                #expect(try client.closing().code == 1003)
            }
        }

        @Test("a path that is not open admits no client without a handshake")
        func notOpen() async throws {
            try await play(StorySetting(), { $0.openRaw { $0.open = false } }) { scene in
                #expect(throws: TestClient.Failure.refused(status: 403)) { try scene.raw() }
                // Nor does an open one let in a page of another origin.
                #expect(throws: TestClient.Failure.refused(status: 403)) {
                    try scene.raw(headers: [("Origin", "https://elsewhere.example")])
                }
            }
        }

        @Test("the origin closes, after the messages that it still has", arguments: storySettings)
        func closedByOrigin(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            let events = RecordedEvents()
            try await play(
                setting, { $0.openRaw() }, application: Application(raw: origin, events: events)
            ) { scene in
                let (client, id) = try await scene.accepted(origin)
                try client.send("quit")
                await origin.next().answer(
                    .close([RawMessage(Array("bye".utf8), isText: true)], code: 4_001, reason: "as you wish"))
                #expect(try client.text() == "bye")
                #expect(try client.closing() == Disconnect(code: 4_001, reason: "as you wish"))
                #expect(events.end(of: id)?.code == 4_001)
            }
        }

        @Test("what was read before the client went still reaches the origin, then its end", arguments: storySettings)
        func lastMessages(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            let events = RecordedEvents()
            try await play(
                setting, { $0.openRaw() }, application: Application(raw: origin, events: events)
            ) { scene in
                let (client, id) = try await scene.accepted(origin)
                for text in ["1", "2", "3"] { try client.send(text) }
                let first = await origin.next()
                await scene.settle()
                client.link.close()
                await scene.until { await scene.server.group.counters().currentRawConnections == 0 }
                #expect(events.end(of: id) == nil)
                first.accept("nobody hears this")
                await origin.next().accept()
                #expect(events.end(of: id) == nil)
                await origin.next().accept()
                await scene.until { events.end(of: id) != nil }
                #expect(events.story(of: id) == ["raw_established", "raw_closed"])
            }
        }

        @Test("a slow origin makes its clients wait, and loses nothing", arguments: storySettings)
        func backPressure(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            try await play(
                setting, { $0.openRaw { $0.inboundLimit = 10_000 } }, application: Application(raw: origin)
            ) { scene in
                let (client, _) = try await scene.accepted(origin)
                let message = String(repeating: "x", count: 950)
                for _ in 0..<200 { try client.send(message) }
                try client.send("last")
                let first = await origin.next()
                await scene.settle()
                let waiting = await scene.server.group.counters().currentRawBytes
                // One message more than the limit is read, and not a second one.
                #expect(waiting > 10_000 - 1_014 && waiting <= 10_000 + 1_014)
                first.accept()
                for number in 2...200 {
                    let next = await origin.next()
                    #expect(next.event.kind == .message(Array(message.utf8), isText: true))
                    #expect(next.event.sequence == UInt64(number + 1))
                    next.accept()
                }
                let last = await origin.next()
                #expect(last.event.kind == .message(Array("last".utf8), isText: true))
                last.accept("done")
                #expect(try client.text() == "done")
            }
        }

        @Test("the server's end closes with 1001, and reports every connection (WS-7)", arguments: storySettings)
        func shutdown(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin { _ in .accepted([]) }
            let events = RecordedEvents()
            var settings = ServerSettings.stories(shards: setting.shards)
            settings.openRaw()
            let server = try TestServer(settings, application: Application(raw: origin, events: events))
            let clients = try (0..<5).map { _ in try RawClient(server.link(setting.kind)) }
            while events.all.count < 5 { await Task.yield() }
            server.group.beginShutdown(windowMs: 0)
            for client in clients {
                #expect(try client.closing().code == 1001)
                client.link.close()
            }
            server.group.join()
            #expect(Set(events.all.filter { $0.kind == .rawClosed }.map(\.client)).count == 5)
            #expect(events.all.filter { $0.kind == .rawClosed }.count == 5)
            #expect(events.all.allSatisfy { $0.kind == .rawEstablished || $0.code == 1001 })
        }

        @Test("a raw connection that is too old is closed with 1012, and its end reported", arguments: storySettings)
        func aged(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin { _ in .accepted([]) }
            let events = RecordedEvents()
            var settings = ServerSettings.stories(shards: setting.shards)
            settings.openRaw()
            settings.client.maxConnectionAge = 0.1
            let server = try TestServer(settings, application: Application(raw: origin, events: events))
            defer { server.stop() }
            let client = try RawClient(server.link(setting.kind))
            #expect(try client.closing().code == 1012)
            client.link.close()
            while events.all.count < 2 { await Task.yield() }
            #expect(events.all.map(\.kind) == [.rawEstablished, .rawClosed])
            #expect(events.all.last?.code == 1012)
        }

        @Test("the end of the server does not wait for an origin that says nothing (WS-7)")
        func shutdownTimeout() async throws {
            let origin = ScriptedRawOrigin { $0.sequence == 1 ? .accepted([]) : nil }
            let events = RecordedEvents()
            var settings = ServerSettings.stories(shards: 1)
            settings.openRaw()
            settings.shutdownTimeout = 1
            let server = try TestServer(settings, application: Application(raw: origin, events: events))
            let client = try RawClient(server.link(.socket))
            try client.send("unanswered")
            _ = await origin.next()
            server.stop()
            #expect(events.all.map(\.kind) == [.rawEstablished, .rawClosed])
        }

        @Test("a client that answers no pings has vanished, and its end is reported", arguments: storySettings)
        func vanished(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            let events = RecordedEvents()
            try await play(
                setting,
                {
                    $0.openRaw()
                    $0.client.pingInterval = 0.1
                    $0.client.pongTimeout = 0.1
                }, application: Application(raw: origin, events: events)
            ) { scene in
                let (client, id) = try await scene.accepted(origin)
                #expect(try client.next() == .ping([]))
                await scene.until { events.end(of: id) != nil }
                #expect(events.end(of: id)?.code == 3_012)
            }
        }
    }
}
