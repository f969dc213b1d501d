import PharosDomain
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// The events that raw connections get of channels that they never name.
    @Suite("channels of raw connections")
    struct RawChannels {
        private func granted(_ channels: ChannelName...) -> HookOutcome {
            var claims = ConnectionClaims()
            claims.channels = channels
            return .granted(.handshake(claims))
        }

        private static func listening(_ settings: inout ServerSettings, namesChannels: Bool = false) {
            settings.openRaw {
                $0.origin = ""
                $0.open = false
                $0.handshake = "gate"
                $0.namesChannels = namesChannels
            }
        }

        @Test(
            "the handshake names the channels: exactly those are heard, and none is named (GO-1, GO-2)",
            arguments: Raw.storySettings)
        func channels(_ setting: StorySetting) async throws {
            let gate = ScriptedOrigin()
            try await play(setting, { Self.listening(&$0) }, application: Application(origin: gate)) { scene in
                let link = try scene.http().link
                async let opened = RawClient(link, "/raw")
                let asked = await gate.next()
                #expect(asked.origin == "gate")
                #expect(asked.request.question == .handshake)
                #expect(asked.request.transport == "raw")
                asked.answer(granted("news", "log:sport"))
                let client = try await opened
                await scene.settle()
                await scene.publish("other", "0")
                await scene.publish("news", "{\"a\": 1}")
                #expect(try client.text() == "{\"a\": 1}")
                await scene.publish("log:sport", "\"five\"")
                #expect(try client.text() == "\"five\"")
                _ = await scene.server.call("publish", "{\"channel\":\"news\",\"b64data\":\"AP8=\"}")
                #expect(try client.next() == .binary([0, 255]))
                _ = await scene.server.call("publish", "{\"channel\":\"news\",\"b64data\":\"aGk=\"}")
                #expect(try client.text() == "hi")
            }
        }

        @Test("a path may ask for the channels' names", arguments: Raw.storySettings)
        func named(_ setting: StorySetting) async throws {
            let gate = ScriptedOrigin()
            try await play(
                setting, { Self.listening(&$0, namesChannels: true) }, application: Application(origin: gate)
            ) { scene in
                let link = try scene.http().link
                async let opened = RawClient(link, "/raw")
                await gate.next().answer(granted("news"))
                let client = try await opened
                await scene.settle()
                await scene.publish("news", "5")
                #expect(try client.text() == "{\"channel\":\"news\",\"data\":5}")
                _ = await scene.server.call("publish", "{\"channel\":\"news\",\"b64data\":\"AP8=\"}")
                #expect(try client.text() == "{\"channel\":\"news\",\"b64data\":\"AP8=\"}")
            }
        }

        @Test("the same over server-sent events", arguments: Raw.storySettings)
        func events(_ setting: StorySetting) async throws {
            let gate = ScriptedOrigin()
            let origin = ScriptedRawOrigin()
            let recorded = RecordedEvents()
            try await play(
                setting,
                { settings in
                    settings.openRaw {
                        $0.open = false
                        $0.handshake = "gate"
                    }
                }, application: Application(origin: gate, raw: origin, events: recorded)
            ) { scene in
                let link = try scene.http().link
                async let opened = StreamLink(link, "/raw", headers: [("Accept", "text/event-stream")])
                await gate.next().answer(granted("news"))
                let stream = try await opened
                #expect(stream.status == 200)
                #expect(stream.headers["content-type"] == "text/event-stream")
                #expect(try stream.chunk() == Array("\r\n".utf8))
                let established = await origin.next()
                established.accept("hello")
                #expect(try stream.chunk() == Array("data: hello\n\n".utf8))
                await scene.publish("news", "{\"a\":1}")
                #expect(try stream.chunk() == Array("data: {\"a\":1}\n\n".utf8))
                let id = established.event.connection
                let (status, report) = try scene.service(
                    "{\"Close\":[{\"ConnectionIds\":[\"\(id)\"],\"Code\":4000}]}")
                #expect(status == 200 && report == "{\"Unknown\":[],\"Closed\":[],\"Full\":[]}")
                #expect(try stream.rest().isEmpty)
                #expect(recorded.end(of: id)?.code == 4_000)
            }
        }

        @Test("channels that cannot be are the application's mistake: no client is admitted by half")
        func badChannel() async throws {
            let gate = ScriptedOrigin()
            try await play(StorySetting(), { Self.listening(&$0) }, application: Application(origin: gate)) { scene in
                async let refused = scene.refusal { try scene.raw() }
                await gate.next().answer(granted("news", "nowhere:x"))
                let status = try await refused
                #expect(status == 503)
            }
        }
    }
}
