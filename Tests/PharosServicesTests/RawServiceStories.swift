import PharosDomain
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// How the application reaches raw connections by their ids.
    @Suite("service requests")
    struct RawService {
        @Test(
            "messages reach connections on any shard, and the answer comes after the work", arguments: Raw.storySettings
        )
        func messages(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            try await play(setting, { $0.openRaw() }, application: Application(raw: origin)) { scene in
                var clients: [(client: RawClient, id: ClientName)] = []
                for _ in 0..<6 {
                    let (client, id) = try await scene.accepted(origin)
                    clients.append((client, id))
                }
                let ids = clients.map { "\"\($0.id)\"" }.joined(separator: ",")
                let (status, body) = try scene.service(
                    "{\"OutgoingWebSocketMessages\":[{\"ConnectionIds\":[\(ids)],\"Message\":{\"Text\":\"b\\u00e4r\"}},"
                        + "{\"ConnectionIds\":[\(ids)],\"Message\":{\"Binary\":\"AQI=\",\"Text\":null}},"
                        + "{\"ConnectionIds\":[\(ids)],\"Message\":{\"Binary\":\"AQI=\",\"Text\":\"both\"}}]}",
                    path: "/sr")
                #expect(status == 200)
                #expect(body.isEmpty)
                for (client, _) in clients {
                    #expect(try client.text() == "bär")
                    #expect(try client.next() == .binary([1, 2]))
                    try client.send("next")
                    await origin.next().accept("answer")
                    // The message with both members was skipped.
                    #expect(try client.text() == "answer")
                }
            }
        }

        @Test("the report names who was unknown, closed or full (WS-5, WS-11)", arguments: Raw.storySettings)
        func report(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            let events = RecordedEvents()
            try await play(
                setting,
                {
                    $0.openRaw()
                    $0.client.queueMaxSize = 10_000
                }, application: Application(raw: origin, events: events)
            ) { scene in
                let (client, id) = try await scene.accepted(origin)
                let (gone, goneID) = try await scene.accepted(origin)
                gone.link.close()
                await scene.until { events.end(of: goneID) != nil }
                let text = String(repeating: "x", count: 9_000)
                let malformed = ["", "!", "AAAA", String(repeating: "A", count: 100_000), "ADAuMC4wLjA6ODA4MS9zcg=="]
                let unknown = malformed.map { "\"\($0)\"" }.joined(separator: ",")
                let (status, body) = try scene.service(
                    "{\"OutgoingWebSocketMessages\":["
                        + "{\"ConnectionIds\":[\(unknown),\"\(goneID)\",\"\(id)\"],\"Message\":{\"Text\":\"\(text)\"}},"
                        + "{\"ConnectionIds\":[\"\(id)\"],\"Message\":{\"Text\":\"\(text)\"}}]}")
                #expect(status == 200)
                #expect(body == "{\"Unknown\":[\(unknown)],\"Closed\":[\"\(goneID)\"],\"Full\":[\"\(id)\"]}")
                #expect(try client.text() == text)
                // The connection goes on: what was too much was not added.
                let (_, again) = try scene.service(
                    "{\"OutgoingWebSocketMessages\":[{\"ConnectionIds\":[\"\(id)\"],\"Message\":{\"Text\":\"y\"}}]}")
                #expect(again == "{\"Unknown\":[],\"Closed\":[],\"Full\":[]}")
                #expect(try client.text() == "y")
            }
        }

        @Test("an id that somebody made up reaches no connection", arguments: Raw.storySettings)
        func forged(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            try await play(setting, { $0.openRaw() }, application: Application(raw: origin)) { scene in
                let (client, id) = try await scene.accepted(origin)
                var characters = Array(id.text)
                let index = characters.count - 4
                characters[index] = characters[index] == "A" ? "B" : "A"
                let forged = ClientName(String(characters))
                #expect(try scene.resource("POST", forged, body: "x").0 == 410)
                let (_, report) = try scene.service("{\"Close\":[{\"ConnectionIds\":[\"\(forged)\"]}]}")
                #expect(report == "{\"Unknown\":[\"\(forged)\"],\"Closed\":[],\"Full\":[]}")
                #expect(try scene.resource("POST", id, body: "y").0 == 200)
                #expect(try client.text() == "y")
            }
        }

        @Test("a service request closes with code and reason (WS-9)", arguments: Raw.storySettings)
        func closing(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            let events = RecordedEvents()
            try await play(
                setting, { $0.openRaw() }, application: Application(raw: origin, events: events)
            ) { scene in
                let (client, id) = try await scene.accepted(origin)
                let (status, body) = try scene.service(
                    "{\"OutgoingWebSocketMessages\":[{\"ConnectionIds\":[\"\(id)\"],\"Message\":{\"Text\":\"last\"}}],"
                        + "\"Close\":[{\"ConnectionIds\":[\"\(id)\",\"?\"],\"Code\":4002,\"Reason\":\"moved\"}]}")
                #expect(status == 200)
                #expect(body == "{\"Unknown\":[\"?\"],\"Closed\":[],\"Full\":[]}")
                #expect(try client.text() == "last")
                #expect(try client.closing() == Disconnect(code: 4_002, reason: "moved"))
                #expect(events.end(of: id)?.code == 4_002)
                #expect(events.end(of: id)?.reason == "moved")
            }
        }

        @Test("only with a key that may send; what cannot be read is refused (WS-4)", arguments: Raw.storySettings)
        func access(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            try await play(setting, { $0.openRaw() }, application: Application(raw: origin)) { scene in
                let (_, id) = try await scene.accepted(origin)
                #expect(try scene.ask("/sr", method: "POST", body: "{}").status == 401)
                #expect(try scene.service("{}", key: "wrong").0 == 401)
                #expect(try scene.service("{}", key: TestServer.publishKey).0 == 403)
                #expect(try scene.service("{}", path: "/sr").0 == 200)
                #expect(try scene.service("{\"OutgoingWebSocketMessages\":null}", path: "/sr").0 == 200)
                #expect(try scene.service("no JSON").0 == 400)
                #expect(try scene.service("{\"Close\":[{\"ConnectionIds\":[],\"Code\":1006}]}").0 == 400)
                let health = try scene.ask("/sr")
                #expect(health.status == 405)
                #expect(health.headers["allow"] == "POST")
                for method in ["GET", "POST", "DELETE"] {
                    #expect(try scene.resource(method, id, key: nil).0 == 401)
                    #expect(try scene.resource(method, id, key: TestServer.publishKey).0 == 403)
                    #expect(try scene.resource(method, "AAAA").0 == 410)
                }
                #expect(try scene.resource("PUT", id, body: "x").0 == 405)
            }
        }

        @Test("one connection as a resource: looked at, written to, closed", arguments: Raw.storySettings)
        func resource(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            try await play(
                setting,
                {
                    $0.openRaw()
                    $0.api.maxBodySize = 1_000
                }, application: Application(raw: origin)
            ) { scene in
                let (client, id) = try await scene.accepted(origin)
                let (status, info) = try scene.resource("GET", id)
                #expect(status == 200)
                #expect(info.hasPrefix("{\"connectedAt\":\"20"))
                #expect(field("sourceIp", in: info) == ("127.0.0.1"))
                #expect(field("lastActiveAt", in: info)?.hasSuffix("Z") == true)
                #expect(try scene.resource("POST", id, body: "text").0 == 200)
                #expect(try client.text() == "text")
                #expect(try scene.resource("POST", id, body: "bytes", query: "?binary=1").0 == 200)
                #expect(try client.next() == .binary(Array("bytes".utf8)))
                // The URL-safe alphabet is another spelling of the same id.
                let spelling = id.text.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }.filter { $0 != "=" }
                #expect(try scene.resource("POST", ClientName(String(spelling)), body: "same").0 == 200)
                #expect(try client.text() == "same")
                #expect(try scene.resource("POST", id, body: String(repeating: "x", count: 1_001)).0 == 413)
                #expect(try scene.resource("DELETE", id).0 == 204)
                #expect(try client.closing().code == 1000)
                #expect(try scene.resource("GET", id).0 == 410)
                #expect(try scene.resource("DELETE", id).0 == 410)
            }
        }

        @Test("the same from inside the process", arguments: StorySetting.shardCounts)
        func backend(_ setting: StorySetting) async throws {
            let origin = ScriptedRawOrigin()
            try await play(setting, { $0.openRaw() }, application: Application(raw: origin)) { scene in
                let (client, id) = try await scene.accepted(origin)
                let body = Array(
                    "{\"OutgoingWebSocketMessages\":[{\"ConnectionIds\":[\"\(id)\",\"\"],\"Message\":{\"Text\":\"z\"}}]}"
                        .utf8)
                let group = scene.server.group
                let sent = await group.callRaw(
                    method: "POST", path: "/sr", query: "",
                    headers: ["x-api-key": "sender", "prefer": "return=representation"],
                    body: body)
                #expect(sent.status == 200)
                #expect(text(sent.body) == "{\"Unknown\":[\"\"],\"Closed\":[],\"Full\":[]}")
                #expect(try client.text() == "z")
                let refused = await group.callRaw(method: "POST", path: "/sr", query: "", headers: [:], body: body)
                #expect(refused.status == 401)
                let elsewhere = await group.callRaw(method: "GET", path: "/x", query: "", headers: [:], body: [])
                #expect(elsewhere.status == 404)
            }
        }

        @Test("without raw paths these addresses are not there")
        func absent() async throws {
            try await play(StorySetting()) { scene in
                let (status, _) = try scene.service("{}", key: TestServer.apiKey)
                #expect(status == 404)
            }
        }
    }
}
