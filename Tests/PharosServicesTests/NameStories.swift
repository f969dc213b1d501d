import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// Texts that `String` takes for equal are different channels, users and keys.
    @Suite("names are bytes")
    struct Names {
        /// Pairs without characters that JSON escapes or queries encode.
        private static let pairs: [(ChannelName, ChannelName)] = [
            ("log:\u{212A}ate", "log:Kate"), ("log:caf\u{E9}", "log:cafe\u{301}"), ("log:\u{212B}", "log:\u{C5}"),
        ]

        @Test(
            "a user who only looks like Kate does not get into her channels, not even with her token",
            arguments: StorySetting.all)
        func kate(_ setting: StorySetting) async throws {
            let user: UserID = "\u{212A}ate"
            try await play(
                setting,
                { settings in
                    settings.channel.withoutNamespace = ChannelOptions()
                    settings.channel.withoutNamespace.allowUserLimitedChannels = true
                }
            ) { scene in
                let claims = scene.server.verifier
                claims.setSubscription("kate's") {
                    $0.user = "Kate"
                    $0.channel = "secret"
                }
                claims.setConnection("thief") { $0.user = user }
                claims.setConnection("kate") { $0.user = "Kate" }
                let thief = try scene.connected(as: "thief")
                for channel: ChannelName in ["#Kate", "room#Ann,Kate", "#Kate,Ann"] {
                    #expect(
                        try thief.call { .subscribe(id: $0, channel) } == .error(.permissionDenied), "\(channel)")
                }
                _ = try thief.subscribe("#\u{212A}ate")
                let kate = try scene.connected(as: "kate", to: "#Kate", "room#Ann,Kate")
                try kate.subscribe("secret", token: "kate's")
                try thief.send(.subscribe(id: 900, "secret", token: "kate's"))
                #expect(try thief.ending().reason == .invalidToken)
            }
        }

        @Test(
            "channels that only look alike have streams, presence, subscribers and keys of their own",
            arguments: StorySetting.all)
        func channels(_ setting: StorySetting) async throws {
            try await play(setting, { $0.namespace("log") { $0.presence = true } }) { scene in
                for (one, other) in Names.pairs {
                    let first = try scene.connected(as: "ann", to: one)
                    let second = try scene.connected(as: "ann", to: other)
                    #expect(await scene.put(one, "1").offset == 1)
                    #expect(await scene.put(one, "2").offset == 2)
                    #expect(await scene.put(other, "3").offset == 1)
                    for (client, channel, texts) in [(first, one, ["1", "2"]), (second, other, ["3"])] {
                        for expected in texts {
                            let heard = try client.publication()
                            #expect(heard.channel == channel)
                            #expect(text(heard.publication.data) == expected)
                        }
                        guard case .presence(let members) = try client.call({ .presence(id: $0, channel) }) else {
                            throw Wrong()
                        }
                        #expect(members.keys.elementsEqual([client.id]))
                    }
                    // One client may be in both.
                    try first.subscribe(other)
                    #expect(
                        await scene.server.call("channels", #"{"pattern":"*"}"#).utf8.split(
                            separator: UInt8(ascii: "{")
                        )
                        .count { $0.starts(with: "\"num_clients\":".utf8) } == 2)
                    first.cut()
                    second.cut()
                    try await until { await scene.server.group.counters().currentChannels == 0 }
                }
            }
        }

        @Test(
            "a repeated publication is known by the bytes of its key, and tags by those of theirs",
            arguments: StorySetting.shardCounts)
        func keysAndTags(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected(to: "log:a")
                for key in ["\u{212A}", "K", "\u{212A}"] {
                    await scene.server.call(
                        "publish",
                        #"{"channel":"log:a","data":1,"idempotency_key":"\#(key)","tags":{"caf\#u{E9}":"1","cafe\#u{301}":"2"}}"#
                    )
                }
                for offset: UInt64 in 1...2 {
                    let publication = try client.publication().publication
                    #expect(publication.offset == offset)
                    #expect(publication.tags == ["caf\u{E9}": "1", "cafe\u{301}": "2"])
                }
                await scene.publish("log:a", "2")
                #expect(try client.publication().publication.offset == 3)
            }
        }

        @Test(
            "users who only look alike are two for limits, for the server API and in counts",
            arguments: StorySetting.shardCounts)
        func users(_ setting: StorySetting) async throws {
            try await play(setting, { $0.client.userConnectionLimit = 1 }) { scene in
                scene.server.verifier.setConnection("one") { $0.user = "\u{212A}ate" }
                scene.server.verifier.setConnection("other") { $0.user = "Kate" }
                let first = try scene.connected(as: "one")
                let second = try scene.connected(as: "other")
                #expect(await scene.server.group.counters().currentUsers == 2)
                await scene.server.call("disconnect", #"{"user":"Kate"}"#)
                #expect(try second.ending().reason == .forceDisconnect)
                #expect(try first.call { .presenceStats(id: $0, "room:a") } == .presenceStats(clients: 0, users: 0))
            }
        }

        @Test(
            "polls and event streams take such names for two, and a cursor goes on in each",
            arguments: StorySetting.shardCounts)
        func cursors(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything() }) { scene in
                let (one, other) = Names.pairs[1]
                let query = "channel=log:caf%C3%A9&channel=log:cafe%CC%81"
                _ = await scene.put(one, "1")
                _ = await scene.put(other, "2")
                let first = try scene.ask("/poll?\(query)&from=oldest")
                #expect(first.status == 200)
                let cursor = try #require(field("cursor", in: first.body))
                _ = await scene.put(other, "3")
                let second = try scene.ask("/poll?\(query)&cursor=\(cursor)")
                #expect(second.status == 200)
                #expect(second.body.contains("\"data\":3") && !second.body.contains("\"data\":1"))
                let stream = try scene.events(query)
                _ = try stream.event()
                _ = await scene.put(one, "4")
                #expect(try stream.event().data == "4")
            }
        }
    }
}
