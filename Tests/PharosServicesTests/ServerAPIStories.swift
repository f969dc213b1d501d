import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("the server API and connections")
    struct ServerAPI {
        @Test("subscribe and unsubscribe by user and by client", arguments: Stage.all)
        func subscribe(_ stage: Stage) async throws {
            try await play(stage) { scene in
                let server = scene.server
                let first = try scene.connected(as: "ann")
                let second = try scene.connected(as: "ann")
                let other = try scene.connected(as: "bob")
                #expect(
                    await server.call("subscribe", #"{"channel":"closed:a","user":"ann","data":{"x":1}}"#)
                        == #"{"result":{}}"#)
                var said = ServerSubscription()
                said.data = Array("{\"x\":1}".utf8)
                let expected = Push(channel: "closed:a", event: .subscribe(said))
                #expect(try first.push() == expected)
                #expect(try second.push() == expected)
                await scene.publish("closed:a", "1")
                #expect(text(try first.publication().publication.data) == "1")
                #expect(text(try second.publication().publication.data) == "1")
                await server.call("unsubscribe", #"{"channel":"closed:a","user":"ann","client":"\#(first.id)"}"#)
                #expect(try first.push() == Push(channel: "closed:a", event: .unsubscribe(.server)))
                await scene.publish("closed:a", "2")
                #expect(text(try second.publication().publication.data) == "2")
                await server.call("subscribe", #"{"channel":"closed:b","user":"ann","client":"\#(first.id)"}"#)
                #expect(try first.push().channel == "closed:b")
                // A client of another user is not touched, nor one that nobody named.
                await server.call("subscribe", #"{"channel":"closed:c","user":"bob","client":"\#(first.id)"}"#)
                await server.call("subscribe", #"{"channel":"closed:c"}"#)
                await server.call("unsubscribe", #"{"channel":"closed:a"}"#)
                for client in [first, second, other] {
                    #expect(try client.call { .unsubscribe(id: $0, "never") } == .unsubscribe)
                    #expect(client.unheard == [])
                }
                #expect(await server.call("subscribe", #"{"channel":"no:where","user":"ann"}"#).contains("102"))
                #expect(await server.call("subscribe", #"{"user":"ann"}"#).contains("107"))
            }
        }

        @Test("subscribe with a position brings what was missed", arguments: Stage.all)
        func subscribeWithRecovery(_ stage: Stage) async throws {
            try await play(stage) { scene in
                for number in 1...5 { await scene.publish("log:a", "\(number)") }
                let epoch = try scene.connected().subscribe("log:a").epoch
                let client = try scene.connected(as: "ann")
                await scene.server.call(
                    "subscribe",
                    #"{"channel":"log:a","user":"ann","recover_since":{"offset":2,"epoch":"\#(epoch)"}}"#)
                guard case .subscribe(let subscription) = try client.push().event else { throw Wrong() }
                #expect(subscription.recoverable)
                #expect(subscription.positioned)
                #expect(subscription.epoch == epoch)
                #expect(subscription.offset == 2)
                await scene.publish("log:a", "6")
                for number: UInt64 in 3...6 {
                    let publication = try client.publication().publication
                    #expect(publication.offset == number)
                    #expect(text(publication.data) == "\(number)")
                }
            }
        }

        @Test("disconnect by user, with a code, and with a list of clients to spare", arguments: Stage.all)
        func disconnect(_ stage: Stage) async throws {
            try await play(stage) { scene in
                let spared = try scene.connected(as: "ann", to: "news")
                let ended = try scene.connected(as: "ann", to: "news")
                let other = try scene.connected(as: "bob", to: "news")
                #expect(
                    await scene.server.call("disconnect", #"{"user":"ann","whitelist":["\#(spared.id)"]}"#)
                        == #"{"result":{}}"#)
                #expect(try ended.ending().reason == .forceDisconnect)
                await scene.server.call("disconnect", #"{"user":"bob","disconnect":{"code":4123,"reason":"enough"}}"#)
                #expect(try other.ending().reason == Disconnect(code: 4_123, reason: "enough"))
                await scene.publish("news", "1")
                #expect(text(try spared.publication().publication.data) == "1")
                await scene.server.call("disconnect", #"{"user":"ann","client":"\#(spared.id)"}"#)
                #expect(try spared.ending().reason == .forceDisconnect)
                let counters = await scene.server.group.counters()
                #expect(counters.disconnects == [3_503: 2, 4_123: 1])
            }
        }

        @Test("refresh moves the end, or ends the connection now", arguments: Stage.all)
        func refresh(_ stage: Stage) async throws {
            try await play(stage) { scene in
                let first = try scene.connected(as: "ann")
                let second = try scene.connected(as: "bob")
                await scene.server.call("refresh", #"{"user":"ann","expire_at":4102444800}"#)
                guard case .refresh(expires: true, let ttl) = try first.push().event else { throw Wrong() }
                #expect(ttl > 86_400)
                // The largest number there is does no harm.
                await scene.server.call("refresh", #"{"user":"ann","expire_at":9223372036854775807}"#)
                guard case .refresh(expires: true, _) = try first.push().event else { throw Wrong() }
                await scene.server.call("refresh", #"{"user":"bob","expired":true}"#)
                #expect(try second.ending().reason == .expired)
                try first.subscribe("news")
            }
        }

        @Test("refresh and sub-refresh by the client", arguments: Stage.pairs)
        func clientRefresh(_ stage: Stage) async throws {
            try await play(stage) { scene in
                let verifier = scene.server.verifier
                verifier.setConnection("token") {
                    $0.user = "ann"
                    $0.expireAt = 4_102_444_800
                }
                verifier.setSubscription("sub") {
                    $0.user = "ann"
                    $0.channel = "$private"
                    $0.expireAt = 4_102_444_800
                }
                let client = try scene.client()
                let connect = try client.connect(token: "token")
                #expect(connect.expires)
                #expect(try client.subscribe("$private", token: "sub").expires)
                guard case .refresh(let result) = try client.call({ .refresh(id: $0, token: "token") }) else {
                    throw Wrong()
                }
                #expect(result.client == client.id)
                #expect(result.expires)
                guard
                    case .subRefresh(expires: true, _) = try client.call({
                        .subRefresh(id: $0, "$private", token: "sub")
                    })
                else { throw Wrong() }
                #expect(try client.call { .subRefresh(id: $0, "$private", token: "expired") } == .error(.tokenExpired))
                #expect(try client.call { .subRefresh(id: $0, "news", token: "sub") } == .error(.permissionDenied))
                try client.send(.refresh(id: 99, token: "expired"))
                #expect(try client.ending().reason == .expired)
                let other = try scene.connected(as: "ann")
                try other.send(.refresh(id: 99, token: "bob"))
                #expect(try other.ending().reason == .invalidToken)
            }
        }

        @Test(
            "an expired subscription ends with 2501, an expired server-side one and an expired connection end the connection"
        )
        func expiry() async throws {
            let change: (inout ServerSettings) -> Void = {
                $0.client.expiredCloseDelay = 0
                $0.client.expiredSubCloseDelay = 0
            }
            try await play(Stage(), change) { scene in
                let verifier = scene.server.verifier
                verifier.setSubscription("sub") {
                    $0.user = "ann"
                    $0.channel = "news"
                    $0.expireAt = 1
                }
                verifier.setConnection("short") {
                    $0.user = "ann"
                    $0.expireAt = 1
                }
                verifier.setConnection("server-side") {
                    $0.user = "ann"
                    $0.subscriptions["news"] = SubscriptionOptions()
                    $0.subscriptions["news"]?.expireAt = 1
                }
                let client = try scene.connected(as: "ann")
                try client.subscribe("news", token: "sub")
                #expect(try client.push() == Push(channel: "news", event: .unsubscribe(.expired)))
                try client.subscribe("news")
                #expect(try scene.connected(as: "short").ending().reason == .expired)
                #expect(try scene.connected(as: "server-side").ending().reason == .subscriptionExpired)
            }
        }

        @Test("channels by pattern and by page", arguments: Stage.shardCounts)
        func channels(_ stage: Stage) async throws {
            try await play(stage) { scene in
                let server = scene.server
                let client = try scene.connected()
                for name in ["a", "b", "c", "log:1", "log:2", "log:22"] { try client.subscribe(name) }
                try scene.connected().subscribe("c")
                func names(_ answer: String) -> [String] {
                    ["a", "b", "c", "log:1", "log:2", "log:22"].filter {
                        answer.contains("\"\($0)\":{\"num_clients\":")
                    }
                }
                let all = await server.call("channels", "{}")
                #expect(names(all).count == 6)
                #expect(all.contains("\"c\":{\"num_clients\":2}"))
                #expect(names(await server.call("channels", #"{"pattern":"log:?"}"#)) == ["log:1", "log:2"])
                #expect(names(await server.call("channels", #"{"pattern":"*2"}"#)) == ["log:2", "log:22"])
                #expect(names(await server.call("channels", #"{"pattern":"none*"}"#)) == [])
                var found: [[String]] = []
                var cursor: String? = ""
                while let from = cursor {
                    let page = await server.call("channels", #"{"limit":4,"cursor":"\#(from)"}"#)
                    found.append(names(page))
                    cursor = field("next_cursor", in: page)
                }
                #expect(found == [["a", "b", "c", "log:1"], ["log:2", "log:22"]])
            }
        }

        @Test("info counts what is there over all shards", arguments: Stage.shardCounts)
        func info(_ stage: Stage) async throws {
            try await play(stage) { scene in
                let clients = try (0..<4).map { try scene.connected(as: "user \($0 % 2)", to: "news", "channel \($0)") }
                let answer = await scene.server.call("info", "{}")
                #expect(answer.hasPrefix(#"{"result":{"nodes":[{"uid":""#))
                #expect(answer.contains(#""name":"pharos","version":"pharos test""#))
                #expect(answer.contains(#""num_clients":4,"num_users":2,"num_subs":8,"num_channels":5,"uptime":"#))
                #expect(clients.count == 4)
            }
        }

        @Test("a batch runs one after the other and answers each in its place", arguments: Stage.pairs)
        func batch(_ stage: Stage) async throws {
            try await play(stage) { scene in
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

        @Test("a parallel batch and a broadcast answer in request order", arguments: Stage.shardCounts)
        func parallel(_ stage: Stage) async throws {
            try await play(stage) { scene in
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

        @Test("a repeated idempotency key gets the first answer and is not delivered again", arguments: Stage.pairs)
        func idempotency(_ stage: Stage) async throws {
            try await play(stage) { scene in
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

        @Test("a version that is not newer is passed over and answered with the position", arguments: Stage.pairs)
        func version(_ stage: Stage) async throws {
            try await play(stage) { scene in
                let client = try scene.connected(to: "log:a")
                func publish(_ version: Int, _ epoch: String) async -> String {
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

        @Test("a connection may be ended, unsubscribed and refreshed by what it does itself", arguments: Stage.pairs)
        func fromWithin(_ stage: Stage) async throws {
            try await play(stage) { scene in
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
                        return push.channel + " " + text(publication.data)
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
            arguments: Stage.pairs)
        func lastWords(_ stage: Stage) async throws {
            try await play(stage) { scene in
                let client = try scene.connected(as: "ann", to: "news")
                // A second connect is an error; it comes in the same frame as the publish.
                try client.send(.publish(id: 7, "news", "1"), .presence(id: 8, ""))
                let (reason, heard) = try client.ending()
                #expect(reason == .badRequest)
                if stage.shards == 1 { #expect(heard.count == 2) }
                #expect(try client.nextFrame() == .vanished)
                // The same with the client's own close frame.
                let closing = try scene.connected(as: "ann", to: "news")
                try closing.send(
                    bytes: closing.frame(of: [.publish(id: 7, "news", "1")]) + FrameStream.frame(opcode: 8, [3, 232]))
                let (code, last) = try closing.ending()
                #expect(code.code == 1_000)
                if stage.shards == 1 { #expect(last.count == 2) }
                #expect(try closing.nextFrame() == .vanished)
            }
        }
    }
}
