import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("presence, joins and leaves")
    struct Presence {
        @Test("who is there, asked by a client and by the server API", arguments: StorySetting.all)
        func presence(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let ann = try scene.connected(as: "ann", to: "room:a")
                let again = try scene.connected(as: "ann", to: "room:a")
                let bob = try scene.connected(as: "bob", to: "room:a", "room:b")
                guard case .presence(let members) = try bob.call({ .presence(id: $0, "room:a") }) else { throw Wrong() }
                #expect(Set(members.keys) == [ann.id, again.id, bob.id])
                #expect(members[ann.id] == ClientInfo(user: "ann", client: ann.id))
                #expect(try bob.call { .presenceStats(id: $0, "room:a") } == .presenceStats(clients: 3, users: 2))
                #expect(
                    await scene.server.call("presence_stats", #"{"channel":"room:a"}"#)
                        == #"{"result":{"num_clients":3,"num_users":2}}"#)
                let answer = await scene.server.call("presence", #"{"channel":"room:b"}"#)
                #expect(answer == #"{"result":{"presence":{"\#(bob.id)":{"user":"bob","client":"\#(bob.id)"}}}}"#)
                #expect(try again.call { .unsubscribe(id: $0, "room:a") } == .unsubscribe)
                ann.cut()
                while try bob.call({ .presenceStats(id: $0, "room:a") }) != .presenceStats(clients: 1, users: 1) {
                    await Task.yield()
                }
            }
        }

        /// A reply must not leave before the messages to other shards that came before it.
        ///
        /// Many joins and leaves make the shards gather publications, and send in the middle of their turns.
        @Test("what a reply says is true for each client that asks afterwards")
        func afterReply() async throws {
            try await play(StorySetting(shards: 2)) { scene in
                let crowd = try (0..<64).map { _ in try scene.connected(as: "ann", to: "room:a") }
                let one = try scene.connected(as: "bob")
                let others = try (0..<4).map { _ in try scene.connected(as: "eve") }
                for round in 0..<200 {
                    try one.subscribe("room:a")
                    for other in others {
                        let stats = try other.call { .presenceStats(id: $0, "room:a") }
                        #expect(stats == .presenceStats(clients: 65, users: 2), "round \(round)")
                    }
                    #expect(try one.call { .unsubscribe(id: $0, "room:a") } == .unsubscribe)
                    for other in others {
                        let stats = try other.call { .presenceStats(id: $0, "room:a") }
                        #expect(stats == .presenceStats(clients: 64, users: 1), "round \(round)")
                    }
                }
                #expect(crowd.count == 64)
            }
        }

        @Test(
            "a client hears its own join after its reply, and the others' joins and leaves", arguments: StorySetting.all
        )
        func joins(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let ann = try scene.connected(as: "ann")
                try ann.send(.subscribe(id: 2, "room:a"))
                #expect(try ann.next() == .reply(Reply(id: 2, result: .subscribe(SubscribeResult()))))
                #expect(
                    try ann.push() == Push(channel: "room:a", event: .join(ClientInfo(user: "ann", client: ann.id))))
                let bob = try scene.connected(as: "bob", to: "room:a")
                let info = ClientInfo(user: "bob", client: bob.id)
                #expect(try ann.push() == Push(channel: "room:a", event: .join(info)))
                #expect(try bob.push() == Push(channel: "room:a", event: .join(info)))
                bob.cut()
                #expect(try ann.push() == Push(channel: "room:a", event: .leave(info)))
            }
        }

        @Test("joins and leaves go to those who asked, if they are not forced on all", arguments: StorySetting.pairs)
        func onRequest(_ setting: StorySetting) async throws {
            try await play(setting, { $0.namespace("room") { $0.forcePushJoinLeave = false } }) { scene in
                let asking = try scene.connected(as: "ann")
                try asking.subscribe("room:a") { $0.joinLeave = true }
                #expect(try asking.push().event.isJoin)
                let silent = try scene.connected(as: "bob", to: "room:a")
                #expect(try asking.push().event.isJoin)
                await scene.publish("room:a", "1")
                #expect(text(try silent.publication().publication.data) == "1")
                #expect(text(try asking.publication().publication.data) == "1")
            }
        }

        @Test("a leave never overtakes its join, however fast clients come and go", arguments: StorySetting.pairs)
        func order(_ setting: StorySetting) async throws {
            try await play(setting, { $0.client.queueMaxSize = 64 << 20 }) { scene in
                let watcher = try scene.connected(as: "watcher", to: "room:a")
                _ = try watcher.push()
                let rounds = 200
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for guest in 0..<3 {
                        group.addTask {
                            let client = try scene.connected(as: "guest \(guest)")
                            for round in 0..<rounds {
                                try client.send(
                                    .subscribe(id: UInt32(2 * round + 2), "room:a"),
                                    .unsubscribe(id: UInt32(2 * round + 3), "room:a"))
                            }
                            guard try client.reply(to: UInt32(2 * rounds + 1)) == .unsubscribe else { throw Wrong() }
                        }
                    }
                    try await group.waitForAll()
                }
                var present: Set<ClientName> = []
                for _ in 0..<(6 * rounds) {
                    switch try watcher.push().event {
                    case .join(let info): #expect(present.insert(info.client).inserted)
                    case .leave(let info): #expect(present.remove(info.client) != nil)
                    default: throw Wrong()
                    }
                }
                #expect(present == [])
                #expect(try watcher.call { .presenceStats(id: $0, "room:a") } == .presenceStats(clients: 1, users: 1))
            }
        }

        @Test("every pipelined subscribe and unsubscribe is answered, in order", arguments: StorySetting.all)
        func answers(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected()
                for channel: ChannelName in (0..<20).map({ "log:\($0)" }) {
                    try client.send(
                        .subscribe(id: 2, channel), .unsubscribe(id: 3, channel), .subscribe(id: 4, channel),
                        .publish(id: 5, channel, "1"), .history(id: 6, channel, limit: 0), .unsubscribe(id: 7, channel))
                    guard case .subscribe = try client.reply(to: 2) else { throw Wrong() }
                    #expect(try client.reply(to: 3) == .unsubscribe)
                    guard case .subscribe(let result) = try client.reply(to: 4) else { throw Wrong() }
                    #expect(result.offset == 0)
                    #expect(try client.reply(to: 5) == .publish)
                    guard case .history([], let top) = try client.reply(to: 6) else { throw Wrong() }
                    #expect(top == StreamPosition(offset: 1, epoch: result.epoch))
                    #expect(try client.reply(to: 7) == .unsubscribe)
                    for message in client.unheard { guard case .push = message else { throw Wrong() } }
                    while !client.unheard.isEmpty { _ = try client.next() }
                }
            }
        }
    }
}
