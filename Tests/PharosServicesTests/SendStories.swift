import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// Messages to connections themselves, and the list of connections.
    @Suite("pushing to anyone")
    struct Send {
        private static func message(_ data: String) -> Push {
            Push(channel: "", event: .message(data: Array(data.utf8)))
        }

        @Test(
            "a message to a client, a user, a channel, everybody, and not to the excluded", arguments: StorySetting.all)
        func targets(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let server = scene.server
                let ann = try scene.connected(as: "ann", to: "news", "log:a")
                let annAgain = try scene.connected(as: "ann", to: "news")
                let bob = try scene.connected(as: "bob", to: "news")
                let idle = try scene.connected(as: "cid")
                let all = [ann, annAgain, bob, idle]
                func send(_ target: String, _ data: String) async -> String {
                    await server.call("send", "{\(target),\"data\":\(data)}")
                }
                func delivered(_ count: Int) -> String { "{\"result\":{\"delivered\":\(count)}}" }
                #expect(await send("\"client\":\"\(bob.id)\"", "1") == delivered(1))
                #expect(try bob.push() == Send.message("1"))
                #expect(await send("\"user\":\"ann\"", #"{"n":2}"#) == delivered(2))
                for client in [ann, annAgain] { #expect(try client.push() == Send.message(#"{"n":2}"#)) }
                // Each once, however much it is subscribed to.
                #expect(await send("\"channel\":\"news\"", "3") == delivered(3))
                for client in [ann, annAgain, bob] { #expect(try client.push() == Send.message("3")) }
                #expect(await send("\"channel\":\"news\",\"user\":\"ann\"", "4") == delivered(2))
                for client in [ann, annAgain] { #expect(try client.push() == Send.message("4")) }
                #expect(await send("\"all\":true", "5") == delivered(4))
                for client in all { #expect(try client.push() == Send.message("5")) }
                #expect(await send("\"all\":true,\"exclude\":[\"\(ann.id)\",\"\(idle.id)\"]", "6") == delivered(2))
                for client in [annAgain, bob] { #expect(try client.push() == Send.message("6")) }
                // It is no error that none of them is there; for one single client it is.
                #expect(await send("\"user\":\"nobody\"", "7") == delivered(0))
                #expect(await send("\"channel\":\"empty\"", "7") == delivered(0))
                let unknown = #"{"error":{"code":102,"message":"unknown connection"}}"#
                #expect(await send("\"client\":\"nobody\"", "7") == unknown)
                #expect(await send("\"client\":\"\(ann.id)\",\"user\":\"bob\"", "7") == unknown)
                #expect(await send("\"session\":\"nobody\"", "7") == unknown)
                let (high, low) = try #require(ClientID(ann.id).map { ($0.high, $0.low) })
                #expect(await send("\"client\":\"\(ClientID(high: high ^ 1, low: low).text)\"", "7") == unknown)
                #expect(await send("\"client\":\"\(ann.id)\",\"exclude\":[\"\(ann.id)\"]", "7") == delivered(0))
                #expect(await send("\"channel\":\"no:where\"", "7").contains("\"unknown channel\""))
                for client in all {
                    #expect(try client.call { .unsubscribe(id: $0, "never") } == .unsubscribe)
                    #expect(client.unheard == [])
                }
                bob.cut()
            }
        }

        @Test("over every transport, and by the session's name and key", arguments: Crossing.all)
        func transports(_ crossing: Crossing) async throws {
            try await play(crossing.setting, { $0.openEverything() }) { scene in
                let key = SessionKeys.make()
                let query = "?session=\(key)"
                let client = try scene.client(over: crossing.transport, query: query)
                let connect = try client.connect(token: "ann")
                let names = [key] + (connect.session.isEmpty ? [] : [connect.session])
                #expect(names.count == (crossing.transport == .webSocket ? 1 : 2))
                for (number, name) in names.enumerated() {
                    #expect(
                        await scene.server.call("send", "{\"session\":\"\(name)\",\"data\":\(number)}")
                            == #"{"result":{"delivered":1}}"#)
                    #expect(try client.push() == Send.message("\(number)"))
                    let wrong = await scene.server.call("send", #"{"session":"\#(name)","user":"bob","data":0}"#)
                    #expect(wrong.contains("unknown connection"))
                }
                await scene.server.call("subscribe", #"{"channel":"closed:a","session":"\#(key)"}"#)
                #expect(try client.push().channel == "closed:a")
                await scene.server.call("unsubscribe", #"{"channel":"closed:a","session":"\#(key)"}"#)
                #expect(try client.push() == Push(channel: "closed:a", event: .unsubscribe(.server)))
                await scene.server.call("disconnect", #"{"session":"\#(names.last!)"}"#)
                #expect(try client.ending().reason == .forceDisconnect)
                #expect(
                    await scene.server.call("send", #"{"session":"\#(key)","data":1}"#).contains("unknown connection"))
            }
        }

        @Test("a session that is away and is sent away finds nothing again", arguments: StorySetting.pairs)
        func awaySession(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything(sessionTTL: 20) }) { scene in
                for isEnded in [false, true] {
                    let key = SessionKeys.make()
                    let client = try scene.client(query: "?session=\(key)")
                    try client.connect(token: "ann")
                    try client.subscribe("news")
                    client.cut()
                    _ = await scene.server.emptied()
                    if isEnded { await scene.server.call("disconnect", #"{"session":"\#(key)"}"#) }
                    let again = try scene.client(query: "?session=\(key)")
                    #expect(try again.connect(token: "ann").subscriptions.isEmpty == isEnded)
                    await scene.server.call("disconnect", #"{"session":"\#(key)"}"#)
                    _ = try again.ending()
                }
            }
        }

        @Test("a plain event stream gets messages in both forms", arguments: StorySetting.shardCounts)
        func eventStreams(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything() }) { scene in
                let named = try scene.events("channel=news&token=ann")
                let array = try scene.events("channel=news&token=ann&format=array")
                for stream in [named, array] { _ = try stream.event() }
                func next(_ stream: EventSourceLink) throws -> String {
                    let event = try stream.event()
                    #expect(event.name.isEmpty)
                    return event.data
                }
                let text = #"{"a":[1,2]}"#
                #expect(
                    await scene.server.call("send", "{\"user\":\"ann\",\"data\":\(text)}")
                        == #"{"result":{"delivered":2}}"#)
                #expect(try next(named) == "{\"message\":\(text)}")
                #expect(
                    try next(array) == #"["/unifrost/message","{\"a\":[1,2]}"]"#)
                // Text that is no JSON fits into one of them.
                #expect(
                    await scene.server.call("send", #"{"user":"ann","b64data":"aGVsbG8="}"#)
                        == #"{"result":{"delivered":1,"undeliverable":1}}"#)
                #expect(try next(array) == #"["/unifrost/message","hello"]"#)
                #expect(
                    await scene.server.call("send", #"{"user":"ann","b64data":"AP8="}"#)
                        == #"{"result":{"delivered":0,"undeliverable":2}}"#)
            }
        }

        @Test(
            "bytes that are no JSON reach everybody, in JSON as base64",
            arguments: StorySetting.shardCounts)
        func bytes(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let json = try scene.connected(.json)
                let protobuf = try scene.connected(.protobuf)
                #expect(
                    await scene.server.call("send", #"{"all":true,"b64data":"AP8="}"#)
                        == #"{"result":{"delivered":2}}"#)
                for client in [json, protobuf] {
                    #expect(try client.push() == Push(channel: "", event: .message(data: [0, 255])))
                }
                await scene.server.call("send", #"{"all":true,"b64data":"WwoxXQ=="}"#)
                #expect(try json.push() == Send.message("[1]"))
                #expect(try protobuf.push() == Send.message("[\n1]"))
            }
        }

        @Test("in a batch, in order, and by a key for it alone", arguments: StorySetting.pairs)
        func batch(_ setting: StorySetting) async throws {
            try await play(setting, { $0.api.keys.append(APIKey(key: "pusher", methods: ["send", "batch"])) }) {
                scene in
                let client = try scene.connected(as: "ann", to: "news")
                let commands = #"""
                    {"commands":[{"send":{"user":"ann","data":1}},{"send":{"client":"x","data":2}},
                    {"send":{"all":true,"data":3}},{"send":{"data":4}}]}
                    """#
                let unknown = #"{"error":{"code":102,"message":"unknown connection"}}"#
                let answer = await scene.server.call("batch", commands, key: "pusher")
                #expect(
                    answer.hasPrefix(
                        #"{"replies":[{"send":{"delivered":1}},\#(unknown),{"send":{"delivered":1}},{"error":{"code":107,"#
                    ))
                #expect(try client.push() == Send.message("1"))
                #expect(try client.push() == Send.message("3"))
                #expect(await scene.server.call("connections", "{}", key: "pusher").contains("\"code\":403"))
                let kick = #"{"commands":[{"disconnect":{"all":true}}]}"#
                #expect(await scene.server.call("batch", kick, key: "pusher").contains("\"code\":103"))
                let ends = #"""
                    {"commands":[{"connections":{"user":"ann"}},{"unsubscribe":{"channel":"news","all":true}},
                    {"disconnect":{"channel":"news"}},{"disconnect":{"all":true}}]}
                    """#
                let replies = await scene.server.call("batch", ends)
                #expect(replies.hasPrefix(#"{"replies":[{"connections":{"connections":[{"client":"\#(client.id)""#))
                #expect(replies.hasSuffix(#",{"unsubscribe":{}},{"disconnect":{}},{"disconnect":{}}]}"#))
                #expect(try client.ending().heard == [.push(Push(channel: "news", event: .unsubscribe(.server)))])
            }
        }

        @Test("connections are listed in the order of their ids, page by page", arguments: StorySetting.shardCounts)
        func connections(_ setting: StorySetting) async throws {
            try await play(
                setting,
                {
                    $0.openEverything()
                    $0.client.registeredNames = ["js"]
                }
            ) { scene in
                let server = scene.server
                let clients = try (0..<7).map { try scene.connected(as: "user \($0 % 2)", to: "news") }
                let named = try scene.client(over: .httpStream)
                try named.connect { $0.name = "js" }
                // Who has not connected yet is none.
                let silent = try scene.client()
                func page(_ body: String) async -> (ids: [ClientName], answer: String) {
                    let answer = await server.call("connections", body)
                    return (
                        answer.split(separator: "\"client\":\"").dropFirst().map { ClientName($0.prefix(36)) }, answer
                    )
                }
                let ids = (clients + [named]).map(\.id).sorted()
                #expect(await page("{}").ids == ids)
                let one = await page(#"{"user":"user 1","channel":"news"}"#)
                #expect(one.ids == clients.enumerated().filter { $0.offset % 2 == 1 }.map(\.element.id).sorted())
                #expect(one.answer.contains(#"","user":"user 1","transport":"websocket","connected_at":1"#))
                #expect(one.answer.contains(#","num_channels":1}"#))
                #expect(field("next_cursor", in: one.answer) == nil)
                let anonymous = await page(#"{"limit":1000}"#)
                #expect(
                    anonymous.answer.contains(#"{"client":"\#(named.id)","transport":"http_stream","connected_at":"#))
                #expect(anonymous.answer.contains(#","name":"js","num_channels":0}"#))
                var found: [[ClientName]] = []
                var cursor: String? = ""
                while let from = cursor {
                    let part = await page("{\"limit\":3,\"cursor\":\"\(from)\"}")
                    found.append(part.ids)
                    cursor = field("next_cursor", in: part.answer)
                }
                #expect(found.map(\.count) == [3, 3, 2])
                #expect(found.flatMap { $0 } == ids)
                #expect(await page(#"{"channel":"empty"}"#).ids == [])
                #expect(await page(#"{"channel":"no:where"}"#).answer.contains("unknown channel"))
                silent.cut()
            }
        }
    }
}
