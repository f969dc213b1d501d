import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// `GET /poll`: everything that is needed to go on is in the request.
    @Suite("stateless long polls")
    struct Polls {
        private struct Part {
            var channel: ChannelName
            var position: StreamPosition
            var publications: [(offset: UInt64, data: String)] = []
            var first: UInt64?
            /// The poll began without a position: nothing is claimed about what was before.
            var isFresh = false

            init(
                _ channel: ChannelName, _ position: StreamPosition,
                _ publications: [(offset: UInt64, data: String)] = [],
                lostBefore first: UInt64? = nil, isFresh: Bool = false
            ) {
                self.channel = channel
                self.position = position
                self.publications = publications
                self.first = first
                self.isFresh = isFresh
            }
        }

        private func body(_ parts: Part...) -> String {
            let cursor = PositionCursor.encode(parts.map { ($0.channel, $0.position) })
            let channels = parts.map { part in
                let first = part.first.map { ",\"first\":\($0)" } ?? ""
                let list = part.publications.map { #"{"offset":\#($0.offset),"data":\#($0.data)}"# }
                return #""\#(part.channel)":{"epoch":"\#(part.position.epoch)","offset":\#(part.position.offset),"#
                    + (part.isFresh ? "" : #""recovered":\#(part.first == nil)\#(first),"#)
                    + #""publications":[\#(list.joined(separator: ","))]}"#
            }
            return #"{"cursor":"\#(cursor)","channels":{\#(channels.joined(separator: ","))}}"#
        }

        private func begin(_ scene: StoryServer, _ query: String, headers: [(String, String)] = []) throws -> HTTPLink {
            let http = try scene.http()
            try http.link.send(HTTPLink.request("/poll?" + query, method: "GET", headers: headers))
            return http
        }

        @Test("what is newer is answered at once, from every kind of beginning")
        func atOnce() async throws {
            try await playTogether(StorySetting.all, { $0.openEverything() }) { scene async throws in
                var top = StreamPosition()
                for number in 1...3 { top = await scene.put("log:a", "{\"n\":\(number)}") }
                let all = (1...3).map { (offset: UInt64($0), data: "{\"n\":\($0)}") }
                func poll(_ query: String) throws -> String { try scene.ask("/poll?channel=log:a&" + query).body }
                let newer = body(Part("log:a", top, Array(all[1...])))
                // A lost answer costs nothing: the same question has the same answer.
                for _ in 0..<3 { #expect(try poll("wait=60&since=\(top.epoch):1") == newer) }
                #expect(try poll("wait=60&since=1") == newer)
                let cursor = PositionCursor.encode([("log:a", StreamPosition(offset: 1, epoch: top.epoch))])
                #expect(try poll("wait=60&cursor=\(cursor)") == newer)
                #expect(try poll("wait=60&from=oldest") == body(Part("log:a", top, all, isFresh: true)))
                let two = StreamPosition(offset: 2, epoch: top.epoch)
                #expect(
                    try poll("wait=60&from=oldest&limit=2") == body(Part("log:a", two, Array(all[..<2]), isFresh: true))
                )
                // Nothing is newer: the same position.
                for query in ["since=\(since(top))", "cursor=" + PositionCursor.encode([("log:a", top)])] {
                    #expect(try poll("wait=0&" + query) == body(Part("log:a", top)))
                }
                // A position under a name that we do not know is none: no continuity is claimed.
                for query in ["from=newest", "", "lastEventId=\(since(top))"] {
                    #expect(try poll("wait=0&" + query) == body(Part("log:a", top, isFresh: true)))
                }
            }
        }

        @Test("a poll that waits is answered by the first news; several channels are one poll")
        func waits() async throws {
            try await playTogether(StorySetting.all, { $0.openEverything() }) { scene async throws in
                let names: [ChannelName] = (1...4).map { "log:\($0)" }
                var tops: [ChannelName: StreamPosition] = [:]
                for name in names { tops[name] = await scene.put(name, "0") }
                let query = names.map { "channel=\($0)" }.joined(separator: "&") + "&wait=60"
                for turn in 1...4 {
                    let cursor = PositionCursor.encode(names.map { ($0, tops[$0]!) })
                    let polls = try (0..<3).map { _ in try begin(scene, query + "&cursor=\(cursor)") }
                    await scene.settle()
                    let changed = names[turn % 4]
                    tops[changed] = await scene.put(changed, "\(turn)")
                    let expected = body(
                        Part(
                            names[0], tops[names[0]]!, changed == names[0] ? [(tops[changed]!.offset, "\(turn)")] : []),
                        Part(
                            names[1], tops[names[1]]!, changed == names[1] ? [(tops[changed]!.offset, "\(turn)")] : []),
                        Part(
                            names[2], tops[names[2]]!, changed == names[2] ? [(tops[changed]!.offset, "\(turn)")] : []),
                        Part(names[3], tops[names[3]]!, changed == names[3] ? [(tops[changed]!.offset, "\(turn)")] : [])
                    )
                    for poll in polls { #expect(try poll.response().body == expected) }
                }
            }
        }

        @Test("news in one channel does not hide where the others stand")
        func severalAtOnce() async throws {
            try await playTogether(StorySetting.all, { $0.openEverything() }) { scene async throws in
                let names: [ChannelName] = (1...5).map { "log:\($0)" }
                var tops: [ChannelName: StreamPosition] = [:]
                for name in names {
                    _ = await scene.put(name, "1")
                    tops[name] = await scene.put(name, "2")
                }
                // On cold channels and on warm ones.
                for _ in 0..<2 {
                    let query = names.map { "channel=\($0)&since=\(tops[$0]!.epoch):1" }.joined(separator: "&")
                    let parts = names.map { Part($0, tops[$0]!, [(2, "2")]) }
                    let answer = try scene.ask("/poll?" + query)
                    #expect(answer.body == body(parts[0], parts[1], parts[2], parts[3], parts[4]))
                }
            }
        }

        // GE-2
        @Test("a message at any moment of a poll ends it: between the read and the wait nothing falls through")
        func race() async throws {
            try await playTogether(StorySetting.all, { $0.openEverything() }) { scene async throws in
                let start = await scene.put("log:race", "0")
                let count: UInt64 = 300
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<3 {
                        group.addTask {
                            var position = start
                            let http = try scene.http()
                            while position.offset <= count {
                                let path = "/poll?channel=log:race&wait=60&since=\(since(position))"
                                try http.link.send(HTTPLink.request(path, method: "GET"))
                                let answer = try http.response()
                                guard answer.status == 200, answer.body.contains("\"recovered\":true") else {
                                    throw Wrong()
                                }
                                // Exactly what comes next, whatever came meanwhile.
                                let next = position.offset + 1
                                guard answer.body.contains(#""publications":[{"offset":\#(next),"#),
                                    let top = number("offset", in: answer.body), top >= next
                                else { throw Wrong() }
                                for offset in next...top {
                                    guard answer.body.contains(#"{"offset":\#(offset),"data":\#(offset)}"#) else {
                                        throw Wrong()
                                    }
                                }
                                position.offset = top
                            }
                        }
                    }
                    group.addTask { for number in 2...(count + 1) { _ = await scene.put("log:race", "\(number)") } }
                    try await group.waitForAll()
                }
            }
        }

        @Test("a poll without news ends after its time with the position that it had")
        func timeout() async throws {
            try await playTogether(StorySetting.pairs, { $0.openEverything() }) { scene async throws in
                let top = await scene.put("log:a", "1")
                #expect(
                    try scene.ask("/poll?channel=log:a&wait=1&since=\(since(top))").body == body(Part("log:a", top)))
            }
        }

        @Test("the loss of publications is reported, with the oldest that is left")
        func lost() async throws {
            let change: @Sendable (inout ServerSettings) -> Void = {
                $0.openEverything()
                $0.namespace("log") { $0.historySize = 2 }
            }
            try await playTogether(StorySetting.pairs, change) { scene async throws in
                var top = StreamPosition()
                for number in 1...5 { top = await scene.put("log:a", "\(number)") }
                let left = body(Part("log:a", top, [(4, "4"), (5, "5")], lostBefore: 4))
                for start in ["\(top.epoch):1", "1", "other:1", "other:5", "other:9"] {
                    #expect(try scene.ask("/poll?channel=log:a&wait=60&since=\(start)").body == left)
                }
                await scene.server.call("history_remove", #"{"channel":"log:a"}"#)
                #expect(
                    try scene.ask("/poll?channel=log:a&wait=60&since=\(top.epoch):1").body
                        == body(Part("log:a", top, lostBefore: 6)))
                // A position of the future is not one of this stream.
                let ahead = try scene.ask("/poll?channel=log:a&wait=60&since=\(top.epoch):9")
                #expect(ahead.body.contains("\"recovered\":false"))
            }
        }

        @Test("a newer exclusive poll of the same user ends the older, others stay")
        func exclusive() async throws {
            try await playTogether(StorySetting.all, { $0.openEverything() }) { scene async throws in
                _ = await scene.put("log:a", "1")
                let query = "channel=log:a&wait=60&exclusive=1&token="
                let other = try begin(scene, query + "bob")
                let elsewhere = try begin(scene, "channel=log:b&wait=60&exclusive=1&token=ann")
                let shared = try begin(scene, "channel=log:a&wait=60&token=ann")
                var polls = [try begin(scene, query + "ann")]
                for _ in 0..<6 {
                    await scene.settle()
                    polls.append(try begin(scene, query + "ann"))
                    let answer = try polls[polls.count - 2].response()
                    #expect(answer.status == 409)
                    #expect(answer.body == #"{"error":{"code":409,"message":"ended by a newer poll"}}"#)
                }
                await scene.settle()
                let top = await scene.put("log:a", "2")
                let expected = body(Part("log:a", top, [(2, "2")], isFresh: true))
                for poll in [other, shared, polls[6]] { #expect(try poll.response().body == expected) }
                await scene.publish("log:b", "1")
                #expect(try elsewhere.response().status == 200)
            }
        }

        // GE-4
        @Test("rooms: by number, with the older protocol's words")
        func rooms() async throws {
            try await playTogether(StorySetting.pairs, { $0.openEverything() }) { scene async throws in
                var top = StreamPosition()
                for number in 1...3 { top = await scene.put("log:room", "\(number)") }
                let path = "/poll?channel=log:room&token=ann&"
                func ask(_ query: String, seconds: Int = 60) throws -> (
                    status: Int, body: String, headers: [String: String]
                ) {
                    try scene.ask(path + query, headers: [("Request-Timeout", "\(seconds)")])
                }
                #expect(try ask("last_seq=2").body == body(Part("log:room", top, [(3, "3")])))
                #expect(
                    try ask("last_seq=0").body
                        == body(Part("log:room", top, [(1, "1"), (2, "2"), (3, "3")], isFresh: true)))
                let short = try ask("last_seq=3", seconds: 10)
                #expect(short.status == 400)
                #expect(short.body.contains("\"detail\":\"short polling timeout\""))
                let older = try begin(
                    scene, "channel=log:room&token=ann&last_seq=3", headers: [("Request-Timeout", "60")])
                await scene.settle()
                let newer = try begin(
                    scene, "channel=log:room&token=ann&offset_newest=true", headers: [("Request-Timeout", "60")])
                let canceled = try older.response()
                #expect(canceled.status == 552)
                #expect(canceled.body.contains("\"detail\":\"canceled by a next attempt\""))
                await scene.settle()
                top = await scene.put("log:room", "4")
                #expect(try newer.response().body == body(Part("log:room", top, [(4, "4")], isFresh: true)))
            }
        }

        @Test("who may poll what, and wrong questions")
        func refusals() async throws {
            try await play(StorySetting(shards: 2), { $0.openEverything() }) { scene async throws in
                for (query, status) in [
                    ("", 400), ("channel=news", 400), ("channel=no:where", 404), ("channel=closed:a", 403),
                    ("channel=log:a&channel=log:a", 400), ("channel=log:a&since=x:y", 400),
                    ("channel=log:a&wait=61", 400), ("channel=log:a&limit=0", 400), ("channel=$log:a", 403),
                    ("channel=log:a&cursor=v2.x", 400), ("channel=log:a&token=expired", 401),
                    ("channel=log:a&from=middle", 400),
                ] {
                    let answer = try scene.ask("/poll?wait=0&" + query)
                    #expect(answer.status == status, "\(query): \(answer.body)")
                    #expect(answer.body.hasPrefix("{\"error\":{\"code\":\(status),"))
                }
            }
            try await play(
                StorySetting(shards: 2),
                {
                    $0.openEverything()
                    $0.client.allowAnonymousConnectWithoutToken = false
                }
            ) { scene async throws in
                scene.server.verifier.setConnection("late-ann") { $0.user = "ann" }
                #expect(try scene.ask("/poll?channel=log:a&wait=0").status == 401)
                #expect(try scene.ask("/poll?channel=log:a&wait=0&token=ann").status == 200)
                let bearer = [("Authorization", "Bearer ann")]
                #expect(try scene.ask("/poll?channel=log:a&wait=0", headers: bearer).status == 200)
                // A token whose keys are still to be fetched.
                let late = try begin(scene, "channel=log:a&wait=0&token=late-ann")
                await scene.server.verifier.loadsReached(1)
                scene.server.verifier.releaseKeys()
                #expect(try late.response().status == 200)
            }
        }

        @Test("polls that are cut leave nothing behind")
        func cut() async throws {
            try await playTogether(StorySetting.all, { $0.openEverything() }) { scene async throws in
                for _ in 0..<10 {
                    let polls = try (0..<5).map { number in
                        try begin(scene, "channel=log:a&channel=log:\(number)&wait=60&exclusive=1&token=user\(number)")
                    }
                    for poll in polls { poll.link.close() }
                    await scene.publish("log:a", "1")
                }
                #expect(try scene.ask("/poll?channel=log:a&wait=0&since=0").body.contains("\"offset\":10"))
            }
        }
    }
}
