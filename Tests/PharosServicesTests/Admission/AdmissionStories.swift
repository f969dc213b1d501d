import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// Every question, at every entrance: no transport is a way around one of them.
    @Suite("admission")
    struct Admission {
        private static func settings(_ row: AdmissionRow, _ settings: inout ServerSettings) {
            settings.openEverything(sessionTTL: 1)
            settings.openRaw { $0.origin = "" }
            settings.namespace("closed") {
                $0.historySize = 10
                $0.historyTTL = 60
            }
            row.settings(&settings)
        }

        @Test("each question is asked at each entrance", arguments: AdmissionRow.all)
        func matrix(_ row: AdmissionRow) async throws {
            for (number, entrance) in Entrance.allCases.enumerated() where row.applies(entrance) {
                // Both numbers of shards, and both kinds of connection, in turn.
                let setting = StorySetting(shards: 1 + number % 2, kind: number % 4 < 2 ? .socket : .tls)
                let origin = AnsweringOrigin(row.answers)
                try await play(
                    setting, { Self.settings(row, &$0) }, application: Application(origin: origin)
                ) { scene in
                    scene.server.verifier.setConnection("nobody") { $0.user = "" }
                    let other = try row.other?(scene)
                    if row.isRate {
                        var visits = 0
                        while try await verdict(of: row, at: entrance, scene) == .heard, visits < 200 { visits += 1 }
                        #expect(visits < 200, "\(row.title) at \(entrance)")
                    } else {
                        let given = try await verdict(of: row, at: entrance, scene)
                        #expect(given == row.verdict, "\(row.title) at \(entrance)")
                    }
                    for (kind, count) in row.questions {
                        #expect(origin.count(kind) == count, "\(row.title) at \(entrance): \(kind)")
                    }
                    // Who was there is not disturbed by anybody who is refused.
                    if let other, case .error(let error) = try other.call({ .history(id: $0, "log:a", limit: 0) }) {
                        Issue.record("\(row.title) at \(entrance): \(error)")
                    }
                }
            }
        }

        private func verdict(
            of row: AdmissionRow, at entrance: Entrance, _ scene: StoryServer
        ) async throws -> Entrance.Verdict {
            let channel =
                entrance.namesInAddress ? row.channel : row.channel.replacing("%23", with: "#")
            let visit = try await entrance.come(scene, to: ChannelName(channel), token: row.token, headers: row.headers)
            defer { visit.leave() }
            return visit.verdict
        }

        @Test("each client counts as a connection, a poll for as long as it waits", arguments: Entrance.allCases)
        func connectionLimit(_ entrance: Entrance) async throws {
            try await play(
                StorySetting(),
                {
                    $0.openEverything(sessionTTL: 1)
                    $0.openRaw { $0.origin = "" }
                    $0.client.connectionsPerAddress = 2
                }
            ) { scene in
                let visits = [
                    try await entrance.come(scene, to: "log:a", waits: true),
                    try await entrance.come(scene, to: "log:a", waits: true),
                ]
                #expect(visits.map(\.verdict) == [.heard, .heard])
                await scene.settle()
                let third = try await entrance.come(scene, to: "log:a")
                #expect(third.verdict == .refused)
                for visit in visits { visit.leave() }
                // There is room again, once the server has noticed.
                try await until {
                    guard let visit = try? await entrance.come(scene, to: "log:a") else { return false }
                    defer { visit.leave() }
                    return visit.verdict == .heard
                }
            }
        }

        @Test("what a token grants ends with it, wherever it was brought", arguments: Entrance.allCases)
        func expiry(_ entrance: Entrance) async throws {
            guard !entrance.isRaw else { return }
            try await play(
                StorySetting(),
                {
                    $0.openEverything(sessionTTL: 60)
                    $0.client.expiredCloseDelay = 0
                }
            ) { scene in
                scene.server.verifier.setConnection("over") {
                    $0.user = "ann"
                    $0.expireAt = 1
                }
                let visit = try await entrance.come(scene, to: "log:a", token: "over")
                try await until { await scene.server.group.counters().currentClients == 0 }
                visit.leave()
                if entrance.isRequest { #expect(visit.verdict == .refused) }
            }
        }

        @Test("a newer connection of a user ends the older, whatever both are", arguments: Entrance.allCases)
        func single(_ entrance: Entrance) async throws {
            guard !entrance.isRaw, !entrance.isRequest else { return }
            try await play(
                StorySetting(shards: 2),
                {
                    $0.openEverything()
                    $0.client.singleConnection = true
                }
            ) { scene in
                let older = try scene.connected(.json, as: "ann")
                let visit = try await entrance.come(scene, to: "log:a", token: "ann")
                #expect(visit.verdict == .heard)
                #expect(try older.ending().reason == .connectionLimit)
                visit.leave()
            }
        }

        // MARK: One by one

        @Test(
            "a POST without a cursor begins a session, and the application is asked about it",
            arguments: StorySetting.pairs)
        func postOnLiveSession(_ setting: StorySetting) async throws {
            var claims = ConnectionClaims()
            claims.user = "ann"
            let origin = AnsweringOrigin([.handshake: .granted(.handshake(claims), meta: nil)])
            try await play(
                setting,
                {
                    $0.openEverything()
                    $0.client.allowAnonymousConnectWithoutToken = false
                    $0.hooks.handshake = "app"
                    $0.hooks.origins = [OriginSettings(name: "app", url: "http://127.0.0.1:1")]
                }, application: Application(origin: origin)
            ) { scene in
                let path = "/connection/poll?session=\(SessionKeys.make())"
                let body = #"{"id":1,"connect":{}}"#
                for count in 1...3 {
                    let answer = try scene.ask(path, method: "POST", body: body)
                    #expect(answer.status == 200)
                    #expect(answer.body.contains("\"connect\":{"))
                    #expect(origin.count(.handshake) == count)
                }
                // What continues the session was let in with it; what has no cursor may begin one.
                let text = try scene.ask(path, method: "POST", body: body).body
                let first = try #require(PollAnswer(text))
                let asked = origin.count(.handshake)
                _ = try scene.ask(path + "&cursor=\(first.cursor)&wait=0")
                #expect(origin.count(.handshake) == asked)
                _ = try scene.ask(path + "&cursor=&wait=0")
                _ = try scene.ask(path + "&wait=0")
                #expect(origin.count(.handshake) == asked + 2)
            }
        }

        @Test("messages without an answer are counted like commands", arguments: Crossing.all)
        func sends(_ crossing: Crossing) async throws {
            let origin = AnsweringOrigin([.message: .granted(.message)])
            try await play(
                crossing.setting,
                {
                    $0.openEverything()
                    $0.client.rateLimits.perConnection = 5
                    $0.hooks.message = "app"
                    $0.hooks.origins = [OriginSettings(name: "app", url: "http://127.0.0.1:1")]
                }, application: Application(origin: origin)
            ) { scene in
                let client = try scene.client(over: crossing.transport)
                let sends = (0..<200).map { _ in Command(id: 0, request: .send(data: Array("1".utf8))) }
                try client.send([.connect()] + sends)
                #expect(try client.ending().reason == .tooManyRequests)
                #expect(origin.count(.message) <= 5)
            }
        }

        @Test(
            "a late answer about one poll decides nothing about the next on its connection",
            arguments: StorySetting.pairs)
        func lateAnswers(_ setting: StorySetting) async throws {
            let origin = ScriptedOrigin()
            try await play(
                setting,
                {
                    $0.openEverything()
                    $0.namespace("log") { $0.subscribeHook = "app" }
                    $0.hooks.origins = [OriginSettings(name: "app", url: "http://127.0.0.1:1")]
                }, application: Application(origin: origin)
            ) { scene in
                let link = try scene.http()
                func ask(_ channels: String) throws {
                    try link.link.send(HTTPLink.request("/poll?\(channels)&wait=0", method: "GET"))
                }
                // Refused for its second channel, while the application still thinks about the first.
                try ask("channel=log:a&channel=closed:b")
                let stale = await origin.next()
                let first = try link.response()
                #expect(first.status == 403)
                try ask("channel=log:secret")
                let asked = await origin.next()
                #expect(asked.request.question == .subscribe(channel: "log:secret", token: "", data: []))
                for _ in 0..<3 { stale.answer(.granted(.subscribe(SubscriptionOptions()))) }
                await scene.settle()
                asked.answer(.refused(.permissionDenied))
                let second = try link.response()
                #expect(second.status == 403)
            }
        }
    }
}
