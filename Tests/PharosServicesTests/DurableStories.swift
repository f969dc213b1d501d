import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// Streams in a store that answers later; the story decides when.
    @Suite("durable streams")
    struct Durable {
        @Test("no subscriber gets a publication before it is stored", arguments: StorySetting.all)
        func deliveryFollowsStoring(_ setting: StorySetting) async throws {
            let store = ScriptedStreams()
            try await play(setting, durable: store) { scene in
                let client = try scene.connected(to: "log:a", "news")
                store.hold()
                let publishing = Task { await scene.server.call("publish", #"{"channel":"log:a","data":1}"#) }
                try await until { store.asked > 1 }
                // What is not durable goes on meanwhile, and arrives first.
                await scene.publish("news", "2")
                #expect(try client.publication().channel == "news")
                store.goOn()
                let (channel, publication, epoch) = try client.publication()
                #expect(channel == "log:a")
                #expect(publication.offset == 1)
                let answer = await publishing.value
                #expect(answer == #"{"result":{"offset":1,"epoch":"\#(epoch)"}}"#)
            }
        }

        @Test(
            "a full disk is reported to the publisher, and nothing is delivered; then it goes on",
            arguments: StorySetting.pairs)
        func fullDisk(_ setting: StorySetting) async throws {
            let store = ScriptedStreams()
            try await play(setting, durable: store) { scene in
                let client = try scene.connected(to: "log:a")
                await scene.publish("log:a", "1")
                store.setFailing(true)
                let refused = await scene.server.call("publish", #"{"channel":"log:a","data":2}"#)
                #expect(refused.contains("\"code\":100"))
                store.setFailing(false)
                await scene.publish("log:a", "3")
                #expect(try client.publication().publication.offset == 1)
                let second = try client.publication().publication
                #expect(second.offset == 2)
                #expect(text(second.data) == "3")
            }
        }

        @Test("a repeated key gets the first answer and is delivered once", arguments: StorySetting.pairs)
        func idempotency(_ setting: StorySetting) async throws {
            let store = ScriptedStreams()
            try await play(setting, durable: store) { scene in
                let client = try scene.connected(to: "log:a")
                let body = #"{"channel":"log:a","data":1,"idempotency_key":"k"}"#
                let first = await scene.server.call("publish", body)
                #expect(await scene.server.call("publish", body) == first)
                await scene.publish("log:a", "2")
                #expect(try client.publication().publication.offset == 1)
                #expect(try client.publication().publication.offset == 2)
            }
        }

        @Test(
            "publications during a subscribe whose stream is still being read are not lost", arguments: StorySetting.all
        )
        func subscribeMeetsPublish(_ setting: StorySetting) async throws {
            let store = ScriptedStreams()
            try await play(setting, durable: store) { scene in
                for number in 1...3 { await scene.publish("log:a", "\(number)") }
                let asked = store.asked
                store.hold()
                let client = try scene.connected()
                // A position that the cache cannot know of: the store must be asked for this channel.
                try client.send(.recover(id: 7, "log:b", from: StreamPosition(offset: 0, epoch: "")))
                try await until { store.asked > asked }
                let publishing = Task { await scene.publish("log:b", "1") }
                try await until { store.asked > asked + 1 }
                store.goOn()
                await publishing.value
                guard case .subscribe(let result) = try client.reply(to: 7) else { throw Wrong() }
                #expect(result.recovered)
                let answer = await scene.server.call("history", #"{"channel":"log:b","limit":0}"#)
                #expect(field("epoch", in: answer) == result.epoch.text)
                let later = result.publications.isEmpty ? try client.publication().publication : result.publications[0]
                #expect(later.offset == 1)
            }
        }

        @Test("what was missed is recovered, from the cache and from the store", arguments: StorySetting.all)
        func recovery(_ setting: StorySetting) async throws {
            let store = ScriptedStreams()
            try await play(setting, durable: store) { scene in
                let client = try scene.connected()
                let start = try client.subscribe("log:a")
                for number in 1...50 { await scene.publish("log:a", "\(number)") }
                let second = try scene.connected()
                let asked = store.asked
                let result = try second.recover("log:a", from: StreamPosition(offset: 2, epoch: start.epoch))
                #expect(result.recovered)
                #expect(result.publications.map(\.offset) == Array(3...50))
                #expect(store.asked == asked)
                let third = try scene.connected()
                let lost = try third.recover("log:a", from: StreamPosition(offset: 2, epoch: "other"))
                #expect(!lost.recovered)
                #expect(lost.offset == 50)
            }
        }

        @Test("who leaves while the stream is being read was never there", arguments: StorySetting.all)
        func leaveDuringRead(_ setting: StorySetting) async throws {
            let store = ScriptedStreams()
            try await play(
                setting,
                {
                    $0.namespace("log") {
                        $0.presence = true
                        $0.joinLeave = true
                        $0.forcePushJoinLeave = true
                    }
                }, durable: store
            ) { scene in
                let watcher = try scene.connected(to: "log:a")
                while case .join = try watcher.push().event { break }
                let asked = store.asked
                // The cache is forgotten with the history, so that the next subscribe must ask.
                let client = try scene.connected()
                store.hold()
                try client.send(.recover(id: 7, "log:a", from: StreamPosition(offset: 0, epoch: "")))
                try client.send(.recover(id: 8, "log:b", from: StreamPosition(offset: 0, epoch: "")))
                try await until { store.asked > asked }
                client.cut()
                store.goOn()
                await scene.publish("log:a", "1")
                var joins = 0
                while true {
                    switch try watcher.push().event {
                    case .join: joins += 1
                    case .leave: joins -= 1
                    case .publication: break
                    default: continue
                    }
                    if joins == 0 { break }
                }
                let members = await scene.server.call("presence", #"{"channel":"log:b"}"#)
                #expect(members == #"{"result":{"presence":{}}}"#)
            }
        }

        @Test("a store that cannot read refuses the subscribe, which may be tried again")
        func readFails() async throws {
            // Reads of the scripted store never fail: this one always does.
            try await play(StorySetting(), durable: BrokenStreams()) { scene in
                let client = try scene.connected()
                #expect(try client.call { .subscribe(id: $0, "log:a") } == .error(.internalError))
                #expect(try client.call { .history(id: $0, "log:a") } == .error(.internalError))
                try client.subscribe("news")
            }
        }
    }
}

/// A store that answers every question with an error.
private final class BrokenStreams: DurableStreams {
    func submit(_ operation: StreamOperation, ticket: UInt64, to receiver: any StreamReceiver) {
        receiver.completed([StreamCompletion(ticket: ticket, result: .failure(.internalError))])
    }

    var health: StoreHealth { .failing("broken") }
    var loss: String? { nil }

    func close() {}
}

/// Waits for something that another thread brings about.
func until(_ condition: () async -> Bool) async throws {
    while await !condition() { await Task.yield() }
}
