import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("what the server API says about one channel")
    struct ChannelInfo {
        private func info(_ scene: StoryServer, _ channel: ChannelName) async -> String {
            await scene.server.call("channel_info", #"{"channel":"\#(channel)"}"#)
        }

        @Test("position, retention and subscribers of a stream", arguments: StorySetting.all)
        func stream(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let first = try scene.connected()
                let epoch = try first.subscribe("log:a").epoch
                // The kernel spreads them over the shards.
                let others = try (0..<4).map { _ in try scene.connected(to: "log:a") }
                for number in 1...3 { await scene.publish("log:a", "\(number)") }
                let kept = #""retention":{"history_size":1000,"history_ttl":600,"durability":"memory"}"#
                #expect(
                    await info(scene, "log:a")
                        == #"{"result":{"position":{"offset":3,"epoch":"\#(epoch)"},\#(kept),"num_subscribers":5}}"#)
                #expect(try others[0].call { .unsubscribe(id: $0, "log:a") } == .unsubscribe)
                #expect(await info(scene, "log:a").contains(#""num_subscribers":4}"#))
                // A stream is there before anything is published, and a look at it is no subscription.
                #expect(await info(scene, "log:b").contains(#""position":{"offset":0,"epoch":""#))
                #expect(await info(scene, "log:b").contains(#""num_subscribers":0}"#))
            }
        }

        @Test(
            "clients and users where presence is kept, and nothing that a channel does not have",
            arguments: StorySetting.all)
        func members(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let ann = try scene.connected(as: "ann", to: "room:a", "news")
                _ = try scene.connected(as: "ann", to: "room:a")
                _ = try scene.connected(as: "bob", to: "room:a")
                #expect(
                    await info(scene, "room:a")
                        == #"{"result":{"num_subscribers":3,"num_clients":3,"num_users":2}}"#)
                #expect(await info(scene, "news") == #"{"result":{"num_subscribers":1}}"#)
                #expect(try ann.call { .unsubscribe(id: $0, "room:a") } == .unsubscribe)
                #expect(
                    await info(scene, "room:a")
                        == #"{"result":{"num_subscribers":2,"num_clients":2,"num_users":2}}"#)
            }
        }

        @Test("a durable stream says so", arguments: StorySetting.shardCounts)
        func durable(_ setting: StorySetting) async throws {
            let store = ScriptedStreams()
            try await play(setting, durable: store) { scene in
                await scene.publish("log:a", "1")
                let answer = await info(scene, "log:a")
                #expect(answer.contains(#""position":{"offset":1,"epoch":""#))
                #expect(answer.contains(#""durability":"disk""#))
            }
        }

        @Test("where one part cannot be had, the call fails as a whole", arguments: StorySetting.shardCounts)
        func failingPart(_ setting: StorySetting) async throws {
            let store = ScriptedStreams()
            try await play(setting, durable: store) { scene in
                _ = try scene.connected(to: "log:a")
                store.setFailingReads(true)
                #expect(await info(scene, "log:cold").hasPrefix(#"{"error":{"code":100,"#))
                store.setFailingReads(false)
                #expect(await info(scene, "log:cold").hasPrefix(#"{"result":{"position":"#))
            }
        }

        @Test(
            "alone, in a batch and in the old form; mistakes and keys as with every method",
            arguments: StorySetting.pairs)
        func forms(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let server = scene.server
                _ = try scene.connected(to: "news")
                let batch =
                    #"{"commands":[{"channel_info":{"channel":"news"}},{"channel_info":{"channel":"no:where"}}]}"#
                #expect(
                    await server.call("batch", batch)
                        == #"{"replies":[{"channel_info":{"num_subscribers":1}},{"error":{"code":102,"message":"unknown channel"}}]}"#
                )
                #expect(
                    await server.call("", #"{"method":"channel_info","params":{"channel":"news"}}"#)
                        == #"{"result":{"num_subscribers":1}}"#)
                #expect(await server.call("channel_info", "{}").contains("channel is required"))
                #expect(await info(scene, "no:where").contains(#""code":102"#))
                let refused = await server.group.callAPI(
                    method: "channel_info", query: "", headers: ["x-api-key": TestServer.publishKey],
                    body: Array(#"{"channel":"news"}"#.utf8))
                #expect(refused.status == 403)
                #expect(await server.group.counters().apiCalls["channel_info"] == 4)
            }
        }
    }
}
