import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("batches, idempotency and versions")
    struct Batches {
        @Test("a batch runs one after the other and answers in the same order", arguments: StorySetting.pairs)
        func batch(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected(as: "ann")
                let answer = await scene.server.call(
                    "batch",
                    #"{"commands":[{"subscribe":{"channel":"log:a","user":"ann"}},{"publish":{"channel":"log:a","data":1}},"#
                        + #"{"publish":{"channel":"no:where","data":1}},{"fly":{}},null,{"publish":{"channel":"log:a"}},"#
                        + #"{"history":{"channel":"log:a","limit":-1}},{"unsubscribe":{"channel":"log:a","user":"ann"}},"#
                        + #"{"publish":{"channel":"log:a","data":2}},{"map_publish":{}},{"batch":{"commands":[]}}]}"#)
                let epoch = try #require(field("epoch", in: answer))
                #expect(
                    answer == #"{"replies":[{"subscribe":{}},{"publish":{"offset":1,"epoch":"\#(epoch)"}},"#
                        + #"{"error":{"code":102,"message":"unknown channel"}},"#
                        + #"{"error":{"code":104,"message":"method not found"}},"#
                        + #"{"error":{"code":107,"message":"bad request"}},"#
                        + #"{"error":{"code":107,"message":"bad request: data is required"}},"#
                        + #"{"history":{"publications":[{"data":1,"offset":1}],"epoch":"\#(epoch)","offset":1}},"#
                        + #"{"unsubscribe":{}},{"publish":{"offset":2,"epoch":"\#(epoch)"}},"#
                        + #"{"error":{"code":108,"message":"not available"}},"#
                        + #"{"error":{"code":104,"message":"method not found"}}]}"#)
                // The client saw it in the same order.
                guard case .subscribe = try client.push().event else { throw Wrong() }
                #expect(try client.publication().publication.offset == 1)
                guard case .unsubscribe = try client.push().event else { throw Wrong() }
                #expect(client.unheard == [])
            }
        }

        @Test("a parallel batch and a broadcast answer in request order", arguments: StorySetting.shardCounts)
        func parallel(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let names = (0..<40).map { "log:\($0)" }
                await scene.publish("log:7", "0")
                let commands = names.map { #"{"publish":{"channel":"\#($0)","data":1}}"# }.joined(separator: ",")
                let answer = await scene.server.call("batch", #"{"parallel":true,"commands":[\#(commands)]}"#)
                let offsets = answer.split(separator: "\"offset\":").dropFirst().map { $0.prefix { $0.isNumber } }
                #expect(offsets == names.map { $0 == "log:7" ? "2" : "1" })
                let channels = (names + ["no:where"]).map { "\"\($0)\"" }.joined(separator: ",")
                let broadcast = await scene.server.call("broadcast", #"{"channels":[\#(channels)],"data":2}"#)
                #expect(broadcast.hasPrefix(#"{"result":{"responses":[{"result":{"offset":2,"#))
                #expect(broadcast.hasSuffix(#"{"error":{"code":102,"message":"unknown channel"}}]}}"#))
                #expect(broadcast.split(separator: "\"offset\":").count == 41)
                let empty = await scene.server.call("broadcast", #"{"channels":["news","sport"]}"#)
                #expect(empty.split(separator: "\"code\":107").count == 3)
                #expect(await scene.server.call("batch", #"{"commands":[]}"#) == #"{"replies":[]}"#)
            }
        }

        @Test(
            "a repeated idempotency key gets the first answer and is not delivered again", arguments: StorySetting.pairs
        )
        func idempotency(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected(to: "log:a", "log:b")
                let body = #"{"channel":"log:a","data":1,"idempotency_key":"k"}"#
                let first = await scene.server.call("publish", body)
                #expect(await scene.server.call("publish", body) == first)
                // The key belongs to its channel.
                let other = await scene.server.call("publish", #"{"channel":"log:b","data":1,"idempotency_key":"k"}"#)
                #expect(other != first)
                await scene.publish("log:a", "2")
                #expect(try client.publication().channel == "log:a")
                #expect(try client.publication().channel == "log:b")
                #expect(text(try client.publication().publication.data) == "2")
            }
        }

        @Test(
            "a version that is not newer is passed over and answered with the position", arguments: StorySetting.pairs)
        func version(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected(to: "log:a")
                func publish(_ version: Int, _ epoch: Epoch) async -> String {
                    await scene.server.call(
                        "publish",
                        #"{"channel":"log:a","data":\#(version),"version":\#(version),"version_epoch":"\#(epoch)"}"#)
                }
                let second = await publish(2, "x")
                #expect(await publish(1, "x") == second)
                #expect(await publish(2, "x") == second)
                #expect(await publish(3, "x") != second)
                #expect(await publish(1, "y") != second)
                for expected in ["2", "3", "1"] { #expect(text(try client.publication().publication.data) == expected) }
                #expect(client.unheard == [])
            }
        }
    }
}
