import PharosBytes
import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("history and recovery")
    struct History {
        private func offsets(_ result: Reply.Result) throws -> [UInt64] {
            guard case .history(let publications, _) = result else { throw Wrong() }
            return publications.map(\.offset)
        }

        @Test("history by limit, position and direction", arguments: StorySetting.all)
        func history(_ setting: StorySetting) async throws {
            try await play(setting, { $0.client.historyMaxPublicationLimit = 5 }) { scene in
                let client = try scene.connected()
                for number in 1...8 { await scene.publish("log:a", "\(number)") }
                let all = try client.call { .history(id: $0, "log:a") }
                guard case .history(let publications, let top) = all else { throw Wrong() }
                #expect(publications.map(\.offset) == [1, 2, 3, 4, 5])
                #expect(publications.map { text($0.data) } == ["1", "2", "3", "4", "5"])
                #expect(top.offset == 8)
                #expect(try client.call { .history(id: $0, "log:a", limit: 0) } == .history(publications: [], top: top))
                let since = StreamPosition(offset: 5, epoch: top.epoch)
                #expect(try offsets(client.call { .history(id: $0, "log:a", since: since) }) == [6, 7, 8])
                #expect(try offsets(client.call { .history(id: $0, "log:a", limit: 2, since: since) }) == [6, 7])
                #expect(try offsets(client.call { .history(id: $0, "log:a", limit: 3, reverse: true) }) == [8, 7, 6])
                #expect(
                    try offsets(client.call { .history(id: $0, "log:a", limit: 3, since: since, reverse: true) }) == [
                        4, 3, 2,
                    ])
                #expect(
                    try client.call { .history(id: $0, "log:a", since: StreamPosition(offset: 5, epoch: "other")) }
                        == .error(.unrecoverablePosition))
            }
        }

        @Test("history and its removal by the server API", arguments: StorySetting.shardCounts)
        func serverAPI(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let server = scene.server
                await server.call("publish", #"{"channel":"log:a","data":{"n":1},"tags":{"k":"v"}}"#)
                await server.call("publish", #"{"channel":"log:a","b64data":"AAE="}"#)
                await server.call("publish", #"{"channel":"log:a","data":3,"skip_history":true}"#)
                let answer = await server.call("history", #"{"channel":"log:a","limit":-1}"#)
                let epoch = try #require(field("epoch", in: answer))
                #expect(
                    answer == #"{"result":{"publications":[{"data":{"n":1},"offset":1,"tags":{"k":"v"}},"#
                        + #"{"data":null,"b64data":"AAE=","offset":2}],"epoch":"\#(epoch)","offset":2}}"#)
                #expect(await server.call("history_remove", #"{"channel":"log:a"}"#) == #"{"result":{}}"#)
                #expect(
                    await server.call("history", #"{"channel":"log:a","limit":-1}"#)
                        == #"{"result":{"publications":[],"epoch":"\#(epoch)","offset":2}}"#)
                #expect(await server.call("history", #"{"channel":"news"}"#).contains("\"code\":108"))
            }
        }

        @Test("what was missed comes with the reply; later publications follow it", arguments: StorySetting.all)
        func recovery(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let first = try scene.connected()
                let start = try first.subscribe("log:a")
                #expect(start.offset == 0)
                #expect(!start.epoch.isEmpty)
                first.cut()
                for number in 1...5 { await scene.publish("log:a", "\(number)") }
                let second = try scene.connected()
                let result = try second.recover("log:a", from: StreamPosition(offset: 2, epoch: start.epoch))
                #expect(result.recovered)
                #expect(result.wasRecovering)
                #expect(result.offset == 2)
                #expect(result.publications.map(\.offset) == [3, 4, 5])
                await scene.publish("log:a", "6")
                #expect(try second.publication().publication.offset == 6)
                let counters = await scene.server.group.counters()
                #expect(counters.recoveries == 1)
                #expect(counters.recoveredPublications == 3)
            }
        }

        @Test("the first publication of a stream brings the epoch; a later one does not", arguments: StorySetting.pairs)
        func firstEpoch(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected()
                let epoch = try client.subscribe("log:a").epoch
                await scene.publish("log:a", "1")
                await scene.publish("log:a", "2")
                #expect(try client.publication().epoch == epoch)
                #expect(try client.publication().epoch == "")
                // Subscribed to an empty stream, published, cut: the position is good for recovery.
                client.cut()
                let again = try scene.connected()
                #expect(try again.recover("log:a", from: StreamPosition(offset: 1, epoch: epoch)).recovered)
            }
        }

        @Test("a lost position is said so, or refused with 112 on request", arguments: StorySetting.pairs)
        func lostPosition(_ setting: StorySetting) async throws {
            try await play(setting, { $0.client.recoveryMaxPublicationLimit = 3 }) { scene in
                for number in 1...5 { await scene.publish("log:a", "\(number)") }
                let client = try scene.connected()
                let epoch = try client.subscribe("log:a").epoch
                _ = try client.call { .unsubscribe(id: $0, "log:a") }
                try expectLost(StreamPosition(offset: 0, epoch: "_"), client)
                try expectLost(StreamPosition(offset: 4, epoch: "other"), client)
                try expectLost(StreamPosition(offset: 1, epoch: epoch), client)
                try expectLost(StreamPosition(offset: 9, epoch: epoch), client)
                let answer = try insist(on: StreamPosition(offset: 2, epoch: epoch), client)
                guard case .subscribe(let result) = answer else { throw Wrong() }
                #expect(result.publications.map(\.offset) == [3, 4, 5])
            }
        }

        private func insist(on position: StreamPosition, _ client: TestClient) throws -> Reply.Result {
            try client.call { .recover(id: $0, "log:a", from: position, rejectsUnrecovered: true) }
        }

        private func expectLost(_ position: StreamPosition, _ client: TestClient) throws {
            #expect(try insist(on: position, client) == .error(.unrecoverablePosition))
            let result = try client.recover("log:a", from: position)
            #expect(result.recovered == false)
            #expect(result.wasRecovering)
            #expect(result.offset == 5)
            #expect(result.publications == [])
            _ = try client.call { .unsubscribe(id: $0, "log:a") }
        }

        @Test("cache mode: a subscriber gets the newest value at once", arguments: StorySetting.pairs)
        func cache(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                for number in 1...3 { await scene.publish("cache:a", "\(number)") }
                let client = try scene.connected()
                let result = try client.subscribe("cache:a")
                #expect(result.recovered)
                #expect(result.publications.map { text($0.data) } == ["3"])
                await scene.publish("cache:a", "4")
                #expect(text(try client.publication().publication.data) == "4")
            }
        }

        @Test(
            "connections are cut again and again while publishing goes on: nothing is lost, repeated or out of order",
            arguments: StorySetting.all)
        func cutAgainAndAgain(_ setting: StorySetting) async throws {
            let count: UInt64 = 1_500
            let change: (inout ServerSettings) -> Void = {
                $0.namespace("log") { $0.historySize = 5_000 }
                $0.client.recoveryMaxPublicationLimit = 5_000
            }
            try await play(setting, change) { scene in
                let start = try scene.connected().subscribe("log:live")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { for number in 1...count { await scene.publish("log:live", "\(number)") } }
                    for _ in 0..<2 {
                        group.addTask {
                            var position = StreamPosition(offset: 0, epoch: start.epoch)
                            while position.offset < count {
                                let client = try scene.connected()
                                let result = try client.recover("log:live", from: position)
                                guard result.recovered, result.offset == position.offset else { throw Wrong() }
                                for publication in result.publications { try Self.follow(&position, publication) }
                                let more = min(UInt64.random(in: 0...40), count - position.offset)
                                for _ in 0..<more { try Self.follow(&position, client.publication().publication) }
                                client.cut()
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }

        private static func follow(_ position: inout StreamPosition, _ publication: Publication) throws {
            guard publication.offset == position.offset + 1, text(publication.data) == "\(publication.offset)" else {
                throw Wrong()
            }
            position.offset += 1
        }

        @Test("subscribing while many publish is never stuck and never misses anything", arguments: StorySetting.pairs)
        func subscribeWhilePublishing(_ setting: StorySetting) async throws {
            try await play(setting, { $0.namespace("log") { $0.historySize = 10_000 } }) { scene in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<3 {
                        group.addTask { for number in 0..<400 { await scene.publish("log:live", "\(number)") } }
                    }
                    group.addTask {
                        let client = try scene.connected()
                        for _ in 0..<100 {
                            let result = try client.subscribe("log:live")
                            try client.send(.unsubscribe(id: 1_000_000, "log:live"))
                            guard try client.reply(to: 1_000_000) == .unsubscribe else { throw Wrong() }
                            var next = result.offset
                            while !client.unheard.isEmpty {
                                next += 1
                                guard try client.publication().publication.offset == next else { throw Wrong() }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }

        @Test("a stream that lost its memory ends positioned subscriptions: 2500, and 3010 for server-side ones")
        func gap() async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.namespace("log") {
                    $0.historyTTL = 1
                    $0.historyMetaTTL = 1
                }
                // The pings are the clock of this story.
                $0.client.pingInterval = 1
                $0.client.pongTimeout = 0.9
            }
            try await play(StorySetting(shards: 2), change) { scene in
                scene.server.verifier.setConnection("token") {
                    $0.user = "ann"
                    $0.channels = ["log:a"]
                }
                let client = try scene.connected()
                let old = try client.subscribe("log:a")
                let serverSide = try scene.connected(as: "token")
                await scene.publish("log:a", "1")
                #expect(try client.publication().publication.offset == 1)
                #expect(try serverSide.publication().publication.offset == 1)
                let ending = Task { try serverSide.ending().reason }
                try client.subscribe("clock")
                while client.pings < 4 {
                    await scene.publish("clock", "1")
                    _ = try client.publication()
                }
                await scene.publish("log:a", "2")
                #expect(try client.push() == Push(channel: "log:a", event: .unsubscribe(.insufficientState)))
                let ended = try await ending.value
                #expect(ended == .insufficientState)
                let result = try client.recover("log:a", from: StreamPosition(offset: 1, epoch: old.epoch))
                #expect(result.recovered == false)
                #expect(result.epoch != old.epoch)
                #expect(result.offset == 1)
                #expect(await scene.server.group.counters().unsubscribes == [2_500: 1])
            }
        }
    }
}
