import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("the server API and connections")
    struct ServerAPI {
        @Test("subscribe and unsubscribe by user and by client", arguments: StorySetting.all)
        func subscribe(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
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
                // A client of another user is not touched, nor one that no call names.
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

        @Test("subscribe with a position brings what was missed", arguments: StorySetting.all)
        func subscribeWithRecovery(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
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

        @Test("disconnect by user, with a code, and with a list of clients to spare", arguments: StorySetting.all)
        func disconnect(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
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

        @Test("refresh moves the end, or ends the connection now", arguments: StorySetting.all)
        func refresh(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
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

        @Test("refresh and sub-refresh by the client", arguments: StorySetting.pairs)
        func clientRefresh(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
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
            try await play(StorySetting(), change) { scene in
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

        @Test("channels by pattern and by page", arguments: StorySetting.shardCounts)
        func channels(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let server = scene.server
                let client = try scene.connected()
                for name: ChannelName in ["a", "b", "c", "log:1", "log:2", "log:22"] { try client.subscribe(name) }
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

        @Test("info counts what is there over all shards", arguments: StorySetting.shardCounts)
        func info(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let clients = try (0..<4).map { try scene.connected(as: "user \($0 % 2)", to: "news", "channel \($0)") }
                let answer = await scene.server.call("info", "{}")
                #expect(answer.hasPrefix(#"{"result":{"nodes":[{"uid":""#))
                #expect(answer.contains(#""name":"pharos","version":"pharos test""#))
                #expect(answer.contains(#""num_clients":4,"num_users":2,"num_subs":8,"num_channels":5,"uptime":"#))
                #expect(clients.count == 4)
            }
        }
    }
}
