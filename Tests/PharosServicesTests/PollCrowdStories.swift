import PharosDomain
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// Stateless polls that wait for the same thing.
    @Suite("crowds of long polls")
    struct PollCrowds {
        private func begin(_ scene: StoryServer, _ query: String, headers: [(String, String)] = []) throws -> HTTPLink {
            let http = try scene.http()
            try http.link.send(HTTPLink.request("/poll?" + query, method: "GET", headers: headers))
            return http
        }

        private func waiting(_ scene: StoryServer, _ count: Int) async {
            while await scene.server.group.counters().currentWaitingPolls != count { await Task.yield() }
        }

        @Test("a poll that is cut leaves the crowd, all others get the same answer, again and again")
        func cut() async throws {
            try await playTogether(StorySetting.pairs, { $0.openEverything() }) { scene async throws in
                var top = await scene.put("log:a", "0")
                for turn in 1...8 {
                    let query = "channel=log:a&wait=60&since=\(since(top))"
                    var polls = try (0..<12).map { _ in try begin(scene, query) }
                    await waiting(scene, 12)
                    // The first, the last and one between: each leaves its seat to another.
                    for index in [11, 5, 0] { polls.remove(at: index).link.close() }
                    await waiting(scene, 9)
                    top = await scene.put("log:a", "\(turn)")
                    for poll in polls {
                        let answer = try poll.response()
                        #expect(answer.status == 200)
                        #expect(
                            answer.body.contains(
                                #""recovered":true,"publications":[{"offset":\#(turn + 1),"data":\#(turn)}]"#))
                    }
                    #expect(await scene.server.group.counters().currentWaitingPolls == 0)
                    polls.forEach { $0.link.close() }
                }
            }
        }

        @Test("polls that wait for less time go first, and with the position that they had")
        func times() async throws {
            try await playTogether(StorySetting.pairs, { $0.openEverything() }) { scene async throws in
                let top = await scene.put("log:a", "0")
                let query = "channel=log:a&since=\(since(top))&wait="
                let long = try begin(scene, query + "60")
                let short = try (0..<3).map { _ in try begin(scene, query + "1") }
                for poll in short {
                    let body = try poll.response().body
                    #expect(body.contains(#""offset":1,"recovered":true,"publications":[]"#))
                }
                await waiting(scene, 1)
                _ = await scene.put("log:a", "1")
                #expect(try long.response().body.contains(#""publications":[{"offset":2,"data":1}]"#))
            }
        }

        @Test("a query that was seen before is answered anew to a client that is behind")
        func behind() async throws {
            try await playTogether(StorySetting.pairs, { $0.openEverything() }) { scene async throws in
                let top = await scene.put("log:a", "0")
                let query = "channel=log:a&wait=60&since=\(since(top))"
                let first = try begin(scene, query)
                await waiting(scene, 1)
                _ = await scene.put("log:a", "1")
                let news = try first.response().body
                #expect(news.contains(#""publications":[{"offset":2,"data":1}]"#))
                for _ in 0..<3 { #expect(try scene.ask("/poll?" + query).body == news) }
            }
        }

        @Test("what a header says about a poll is not forgotten over a query that was seen before")
        func headers() async throws {
            try await playTogether(StorySetting.pairs, { $0.openEverything() }) { scene async throws in
                let top = await scene.put("log:a", "0")
                let query = "channel=log:a&wait=60&since=\(since(top))"
                let first = try begin(scene, query)
                await waiting(scene, 1)
                let expired = try scene.ask("/poll?" + query, headers: [("Authorization", "Bearer expired")])
                #expect(expired.status == 401)
                let room = try scene.ask("/poll?" + query, headers: [("Request-Timeout", "5")])
                #expect(room.status == 400)
                #expect(room.body.contains("short polling timeout"))
                let page = try begin(scene, query, headers: [("Origin", "https://example.com")])
                #expect(try page.response().status == 403)
                #expect(await scene.server.group.counters().currentWaitingPolls == 1)
                _ = await scene.put("log:a", "1")
                #expect(try first.response().status == 200)
            }
        }

        @Test("at the end every poll of a crowd is answered")
        func shutdown() async throws {
            try await playTogether(StorySetting.pairs, { $0.openEverything() }) { scene async throws in
                let top = await scene.put("log:a", "0")
                let polls = try (0..<5).map { _ in try begin(scene, "channel=log:a&wait=60&since=\(since(top))") }
                await waiting(scene, 5)
                scene.server.group.beginShutdown(windowMs: 0)
                for poll in polls { #expect(try poll.response().status == 503) }
            }
        }
    }
}
