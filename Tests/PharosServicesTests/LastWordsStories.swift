import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("the last words of a connection")
    struct LastWords {
        @Test(
            "a connection may be ended, unsubscribed and refreshed by what it does itself",
            arguments: StorySetting.pairs)
        func fromWithin(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected(as: "ann", to: "room:a", "log:b")
                _ = try client.push()
                // All in one turn of the shard, while commands of the client arrive.
                try client.send((10..<60).map { .publish(id: $0, "log:b", "\($0)") })
                await scene.server.call(
                    "batch",
                    #"{"commands":[{"refresh":{"user":"ann","expire_at":4102444800}},{"publish":{"channel":"room:a","data":1}},"#
                        + #"{"unsubscribe":{"channel":"log:b","user":"ann"}},{"subscribe":{"channel":"log:b","user":"ann"}},"#
                        + #"{"publish":{"channel":"log:b","data":2}},{"disconnect":{"user":"ann"}},{"disconnect":{"user":"ann"}},"#
                        + #"{"unsubscribe":{"channel":"log:b","user":"ann"}}]}"#)
                let (reason, heard) = try client.ending()
                #expect(reason == .forceDisconnect)
                // What was published before the end was heard, and nothing comes after the close frame.
                let payloads = heard.compactMap { message in
                    if case .push(let push) = message, case .publication(let publication, _) = push.event {
                        return push.channel.text + " " + text(publication.data)
                    }
                    return nil
                }
                #expect(payloads.contains("room:a 1"))
                #expect(payloads.last == "log:b 2")
                #expect(try client.nextFrame() == .vanished)
            }
        }

        @Test(
            "what was published before a connection ends itself reaches it before the close frame",
            arguments: StorySetting.pairs)
        func lastWords(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected(as: "ann", to: "news")
                // A second connect is an error; it comes in the same frame as the publish.
                try client.send(.publish(id: 7, "news", "1"), .presence(id: 8, ""))
                let (reason, heard) = try client.ending()
                #expect(reason == .badRequest)
                if setting.shards == 1 { #expect(heard.count == 2) }
                #expect(try client.nextFrame() == .vanished)
                // The same with the client's own close frame.
                let closing = try scene.connected(as: "ann", to: "news")
                try closing.send(
                    bytes: closing.frame(of: [.publish(id: 7, "news", "1")]) + FrameStream.frame(opcode: 8, [3, 232]))
                let (code, last) = try closing.ending()
                #expect(code.code == 1_000)
                if setting.shards == 1 { #expect(last.count == 2) }
                #expect(try closing.nextFrame() == .vanished)
            }
        }
    }
}
