import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// `GET /events` for any `EventSource`.
    @Suite("plain event streams")
    struct Events {
        private typealias Event = EventSourceLink.Event

        private func cursor(_ positions: (ChannelName, StreamPosition)...) -> String {
            PositionCursor.encode(positions.map { (channel: $0.0, position: $0.1) })
        }

        @Test(
            "one channel: first message, events with ids, and resuming after any of them", arguments: StorySetting.all)
        func solo(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything() }) { scene async throws in
                let start = await scene.put("log:a", "0")
                let stream = try scene.events("channel=log:a")
                #expect(stream.stream.headers["content-type"] == "text/event-stream")
                #expect(stream.stream.headers["x-accel-buffering"] == "no")
                let first = try stream.event()
                #expect(stream.retryMs == 1_000)
                #expect(first.id == cursor(("log:a", start)))
                #expect(first.name == "")
                #expect(first.data.hasSuffix(#""subscriptions":["log:a"],"recovered":{}}"#))
                var ids: [String] = []
                for number in 1...5 {
                    let position = await scene.put("log:a", "\(number)")
                    let event = try stream.event()
                    #expect(event == Event(name: "log:a", data: "\(number)", id: cursor(("log:a", position))))
                    ids.append(event.id)
                }
                stream.stream.link.close()
                for (index, id) in ids.enumerated() {
                    // The header wins over what the page has in its address.
                    let again = try scene.events(
                        "channel=log:a&last_event_id=nonsense", headers: [("Last-Event-ID", id)])
                    #expect(try again.event().data.hasSuffix(#""recovered":{"log:a":true}}"#))
                    for number in (index + 1)..<5 {
                        #expect(try again.event() == Event(name: "log:a", data: "\(number + 1)", id: ids[number]))
                    }
                    again.stream.link.close()
                }
            }
        }

        @Test("several channels: every id has the positions of all", arguments: StorySetting.all)
        func several(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything() }) { scene async throws in
                var tops: [ChannelName: StreamPosition] = [:]
                let names: [ChannelName] = (1...4).map { "log:\($0)" }
                for name in names { tops[name] = await scene.put(name, "0") }
                let query = (names + ["news"]).map { "channel=\($0)" }.joined(separator: "&")
                let stream = try scene.events(query)
                func id() -> String { PositionCursor.encode(names.map { ($0, tops[$0]!) }) }
                #expect(try stream.event().id == id())
                for number in 1...20 {
                    let name = names[number % 4]
                    tops[name] = await scene.put(name, "\(number)")
                    #expect(try stream.event() == Event(name: name.text, data: "\(number)", id: id()))
                    await scene.publish("news", "\(number)")
                    #expect(try stream.event() == Event(name: "news", data: "\(number)", id: id()))
                }
                stream.stream.link.close()
                let left = id()
                var missed: [String] = []
                for number in 21...30 {
                    let name = names[number % 4]
                    tops[name] = await scene.put(name, "\(number)")
                    missed.append("\(name) \(number)")
                }
                let again = try scene.events(query + "&last_event_id=\(left)")
                _ = try again.event()
                var heard: [String] = []
                for _ in missed {
                    let event = try again.event()
                    heard.append("\(event.name) \(event.data)")
                }
                #expect(heard.sorted() == missed.sorted())
                #expect(again.lastID == id())
            }
        }

        @Test(
            "streams that are cut again and again while publishing goes on lose and repeat nothing",
            arguments: StorySetting.pairs)
        func cutAgainAndAgain(_ setting: StorySetting) async throws {
            let count = 600
            try await play(
                setting,
                {
                    $0.openEverything()
                    $0.client.recoveryMaxPublicationLimit = 5_000
                }
            ) { scene async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let streams = try (0..<4).map { number in
                        try scene.events(number % 2 == 0 ? "channel=log:live" : "channel=log:live&channel=log:other")
                    }
                    for (number, stream) in streams.enumerated() {
                        _ = try stream.event()
                        group.addTask {
                            var stream = stream
                            var next = 1
                            while next <= count {
                                let event = try stream.event()
                                if event.name == "" { continue }
                                guard event.data == "\(next)" else { throw Wrong() }
                                next += 1
                                guard next % 30 == number * 7, next <= count else { continue }
                                stream.stream.link.close()
                                let query = number % 2 == 0 ? "channel=log:live" : "channel=log:live&channel=log:other"
                                stream = try scene.events(query, headers: [("Last-Event-ID", stream.lastID)])
                                guard try stream.event().data.contains("\"log:live\":true") else { throw Wrong() }
                            }
                        }
                    }
                    group.addTask { for number in 1...count { await scene.publish("log:live", "\(number)") } }
                    try await group.waitForAll()
                }
            }
        }

        @Test("a stream that begins without a position says nothing about continuity", arguments: StorySetting.pairs)
        func noClaim(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything() }) { scene async throws in
                await scene.publish("log:a", "1")
                await scene.publish("cache:a", "1")
                let stream = try scene.events("channel=log:a&channel=news&channel=cache:a&token=ann")
                #expect(try stream.event().data.hasSuffix(#""recovered":{}}"#))
                // What the newest value of a cache brings is no continuity either.
                #expect(try stream.event().name == "cache:a")
                let id = await scene.put("log:a", "2")
                #expect(try stream.event().data == "2")
                stream.stream.link.close()
                await scene.publish("log:a", "3")
                // Under an unknown name it is a new stream.
                let unknown = try scene.events("channel=log:a&since_event=\(cursor(("log:a", id)))")
                #expect(try unknown.event().data.hasSuffix(#""recovered":{}}"#))
                try Events.resumes(scene, "log:a", after: cursor(("log:a", id)), "3")
                // Channels that it did not have before begin now.
                let more = try scene.events("channel=log:a&channel=log:b", headers: [("Last-Event-ID", stream.lastID)])
                #expect(try more.event().data.hasSuffix(#""recovered":{"log:a":true}}"#))
            }
        }

        /// Under every name that stand-ins for EventSource use for the id.
        private static func resumes(_ scene: StoryServer, _ channel: ChannelName, after id: String, _ data: String)
            throws
        {
            for name in ["lastEventId", "lastEventID", "Last-Event-ID", "evs_last_event_id"] {
                let known = try scene.events("channel=\(channel)&\(name)=\(id)")
                #expect(try known.event().data.hasSuffix("\"recovered\":{\"\(channel)\":true}}"))
                #expect(try known.event().data == data)
                known.stream.link.close()
            }
        }

        @Test(
            "the largest set of channels that opens can be resumed, by header and by address",
            arguments: StorySetting.shardCounts)
        func largest(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything() }) { scene async throws in
                let length = try Events.longestName(scene)
                let largest = Events.query(length)
                let name = "log:150" + String(repeating: "x", count: length - 7)
                let stream = try scene.events(largest, headers: [Events.cookie])
                _ = try stream.event()
                await scene.publish(ChannelName(name), "1")
                #expect(try stream.event().name == name)
                let id = stream.lastID
                #expect(id.utf8.count < 2_500)
                stream.stream.link.close()
                await scene.publish(ChannelName(name), "2")
                try Events.isResumed(scene, largest, [("Last-Event-ID", id), Events.cookie], name)
                try Events.isResumed(scene, largest + "&evs_last_event_id=\(id)", [Events.cookie], name)
                // The stateless poll alike.
                let first = try scene.ask("/poll?wait=0&\(largest)", headers: [Events.cookie])
                #expect(first.status == 200)
                let cursor = try #require(field("cursor", in: first.body))
                let second = try scene.ask("/poll?wait=0&\(largest)&cursor=\(cursor)", headers: [Events.cookie])
                #expect(second.status == 200)
            }
        }

        private static let cookie = ("Cookie", String(repeating: "c", count: 500))

        /// 128 channels with names of this length.
        private static func query(_ length: Int) -> String {
            (100..<228).map { "channel=log:\($0)" + String(repeating: "x", count: length - 7) }.joined(separator: "&")
        }

        /// Of those that open; one more is refused at once, and not when it comes back.
        private static func longestName(_ scene: StoryServer) throws -> Int {
            var (least, most) = (50, 128)
            #expect(try opens(scene, least))
            #expect(try !opens(scene, most))
            while most - least > 1 {
                let middle = (least + most) / 2
                if try opens(scene, middle) { least = middle } else { most = middle }
            }
            let poll = try scene.ask("/poll?wait=0&" + query(most), headers: [cookie])
            #expect(poll.status == 431)
            return least
        }

        private static func opens(_ scene: StoryServer, _ length: Int) throws -> Bool {
            let link = try scene.http().link
            defer { link.close() }
            let stream = try StreamLink(link, "/events?" + query(length), method: "GET", headers: [cookie])
            #expect([200, 414, 431].contains(stream.status))
            return stream.status == 200
        }

        private static func isResumed(
            _ scene: StoryServer, _ query: String, _ headers: [(String, String)], _ name: String
        ) throws {
            let again = try scene.events(query, headers: headers)
            #expect(again.stream.status == 200)
            let first = try again.event().data
            #expect(first.contains("\"\(name)\":true") && !first.contains("false"))
            #expect(try again.event().data == "2")
            again.stream.link.close()
        }

        @Test("a gap is reported in the first message, and the stream goes on", arguments: StorySetting.pairs)
        func gap(_ setting: StorySetting) async throws {
            try await play(
                setting,
                {
                    $0.openEverything()
                    $0.namespace("log") { $0.historySize = 2 }
                }
            ) { scene async throws in
                var top = StreamPosition()
                for number in 1...5 { top = await scene.put("log:a", "\(number)") }
                let old = cursor(("log:a", StreamPosition(offset: 1, epoch: top.epoch)))
                let other = cursor(("log:a", StreamPosition(offset: 5, epoch: "other")))
                for id in [old, other, "nonsense", "41"] {
                    let stream = try scene.events("channel=log:a", headers: [("Last-Event-ID", id)])
                    let first = try stream.event()
                    #expect(first.data.hasSuffix(#""recovered":{"log:a":false}}"#))
                    #expect(first.id == cursor(("log:a", top)))
                    stream.stream.link.close()
                }
            }
        }

        @Test("the array form, and payloads of every kind", arguments: StorySetting.pairs)
        func forms(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything() }) { scene async throws in
                let named = try scene.events("channel=news")
                let array = try scene.events("channel=news&format=array")
                _ = try named.event()
                let first = try array.event()
                #expect(first.name == "")
                #expect(first.data.hasPrefix(#"["/unifrost/info","{\"config\":{\"client_id\":"#))
                await scene.publish("news", #"{"a":[1,"<b>"]}"#)
                #expect(try named.event() == Event(name: "news", data: #"{"a":[1,"<b>"]}"#, id: "v2."))
                #expect(try array.event().data == #"["news","{\"a\":[1,\"\u003cb\u003e\"]}"]"#)
                // "one\ntwo", then "one\rtwo".
                await scene.server.call("publish", #"{"channel":"news","b64data":"b25lCnR3bw=="}"#)
                #expect(try named.event().data == "one\ntwo")
                #expect(try array.event().data == #"["news","one\ntwo"]"#)
                await scene.server.call("publish", #"{"channel":"news","b64data":"b25lDXR3bw=="}"#)
                #expect(try named.event().data.hasPrefix(#"{"error":{"code":"not-representable""#))
                #expect(try array.event().data == #"["news","one\rtwo"]"#)
            }
        }

        @Test(
            "who may read what: by status before the stream begins, by message afterwards",
            arguments: StorySetting.pairs)
        func errors(_ setting: StorySetting) async throws {
            try await play(
                setting,
                {
                    $0.openEverything()
                    $0.client.allowAnonymousConnectWithoutToken = false
                }
            ) { scene async throws in
                for (query, status) in [
                    ("", 400), ("channel=log:a", 403), ("channel=log:a&token=expired", 401),
                    ("channel=log:a&token=forged", 401), ("channel=log:a&format=xml&token=ann", 400),
                    ("channel=log:a&session=short&token=ann", 400),
                ] {
                    let answer = try scene.ask("/events?" + query)
                    #expect(answer.status == status, "\(query)")
                    #expect(answer.body.hasPrefix("{\"error\":{\"code\":"))
                }
                let stream = try scene.events(
                    "channel=closed:a&channel=log:a&channel=no:where", headers: [("Authorization", "Bearer ann")])
                #expect(try stream.event().data.contains(#""subscriptions":["log:a"]"#))
                for topic in ["closed:a", "no:where"] {
                    let failure = try stream.event().data
                    #expect(failure.hasPrefix(#"{"error":{"code":"subscription-failure""#))
                    #expect(failure.hasSuffix("\"topic\":\"\(topic)\"}}"))
                }
                await scene.publish("log:a", "1")
                #expect(try stream.event().data == "1")
                await scene.server.call("disconnect", #"{"user":"ann"}"#)
                #expect(try stream.event().data == "Client closed")
                #expect(try stream.next() == nil)
            }
        }

        @Test("an idle stream carries comments, and its client need not answer them")
        func comments() async throws {
            try await play(
                StorySetting(shards: 2),
                {
                    $0.openEverything()
                    $0.client.pingInterval = 0.5
                    $0.client.pongTimeout = 0.2
                }
            ) { scene async throws in
                let stream = try scene.events("channel=news")
                _ = try stream.event()
                let clock = try scene.client(over: .webSocket)
                try clock.connect()
                while clock.pings < 3 { _ = try clock.call { .history(id: $0, "log:a", limit: 0) } }
                await scene.publish("news", "1")
                #expect(try stream.event().data == "1")
                #expect(stream.comments > 0)
            }
        }
    }
}
