import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// Versions, idempotency keys and `skip_history`, each with each.
    ///
    /// By every way in which a publication comes, and for every store of its channel's stream.
    @Suite("rules of publishing")
    struct PublishingTable {
        enum Way: String, CaseIterable, Sendable { case publish, broadcast, batch, hook }

        private struct Step {
            var version: UInt64
            var key: IdempotencyKey
            var skips: Bool

            static let all = [0, 3, 5].flatMap { (version: UInt64) in
                (["", "k"] as [IdempotencyKey]).flatMap { key in
                    [false, true].map { Step(version: version, key: key, skips: $0) }
                }
            }

            func fields(_ data: String) -> String {
                var text = "\"data\":\(data)"
                if version > 0 { text += ",\"version\":\(version),\"version_epoch\":\"e\"" }
                if !key.isEmpty { text += ",\"idempotency_key\":\"\(key)\"" }
                if skips { text += ",\"skip_history\":true" }
                return text
            }

            var hook: HookPublish {
                var hook = HookPublish()
                (hook.version, hook.versionEpoch) = (version, "e")
                (hook.idempotencyKey, hook.skipHistory) = (key, skips)
                return hook
            }

            /// Whether no subscriber gets it after `first`.
            func isSuppressed(after first: Step) -> Bool {
                (!key.isEmpty && key == first.key) || (version > 0 && version <= first.version)
            }
        }

        /// A channel for each pair.
        private static let pairs = Step.all.indices.flatMap { first in
            Step.all.indices.map {
                (channel: ChannelName("log:\(first)-\($0)"), steps: [Step.all[first], Step.all[$0]])
            }
        }

        @Test(
            "what is delivered and what is kept is the same on every way and in every store", arguments: Way.allCases,
            [false, true])
        func table(_ way: Way, isDurable: Bool) async throws {
            let origin = ScriptedOrigin()
            try await play(
                StorySetting(shards: 2),
                {
                    $0.client.channelLimit = 1_000
                    if way == .hook { $0.namespace("log") { $0.publishHook = "app" } }
                }, durable: isDurable ? ScriptedStreams() : nil, application: Application(origin: origin)
            ) { scene in
                let reader = try scene.connected()
                let writer = try scene.connected()
                for (channel, steps) in Self.pairs {
                    try reader.subscribe(channel)
                    for (index, step) in steps.enumerated() {
                        try await publish(step, "\(index + 1)", to: channel, way, scene, writer, origin)
                    }
                    try await publish(
                        Step(version: 0, key: "", skips: false), "9", to: channel, way, scene, writer, origin)
                    var heard: [String] = []
                    while heard.last != "9" { heard.append(text(try reader.publication().publication.data)) }
                    let isSuppressed = steps[1].isSuppressed(after: steps[0])
                    #expect(heard == (isSuppressed ? ["1", "9"] : ["1", "2", "9"]), "\(steps)")
                    let kept = (steps[0].skips ? 0 : 1) + (isSuppressed || steps[1].skips ? 0 : 1) + 1
                    let history = await scene.server.call("history", "{\"channel\":\"\(channel)\",\"limit\":0}")
                    #expect(
                        history.contains("\"offset\":\(kept)}") || history.contains("\"offset\":\(kept),"),
                        "\(steps): \(history)")
                }
            }
        }

        private func publish(
            _ step: Step, _ data: String, to channel: ChannelName, _ way: Way, _ scene: StoryServer,
            _ writer: TestClient,
            _ origin: ScriptedOrigin
        ) async throws {
            let answer: String
            switch way {
            case .publish:
                answer = await scene.server.call("publish", "{\"channel\":\"\(channel)\",\(step.fields(data))}")
            case .broadcast:
                answer = await scene.server.call("broadcast", "{\"channels\":[\"\(channel)\"],\(step.fields(data))}")
            case .batch:
                answer = await scene.server.call(
                    "batch", "{\"commands\":[{\"publish\":{\"channel\":\"\(channel)\",\(step.fields(data))}}]}")
            case .hook:
                try writer.send(.publish(id: 77, channel, "0"))
                var hook = step.hook
                hook.data = Array(data.utf8)
                await origin.next().answer(.granted(.publish(hook)))
                #expect(try writer.reply(to: 77) == .publish)
                return
            }
            #expect(!answer.contains("\"error\""), "\(answer)")
        }

        @Test(
            "a suppressed version is answered with the position of the stream, skipped or not",
            arguments: [false, true])
        func answers(isDurable: Bool) async throws {
            try await play(StorySetting(), durable: isDurable ? ScriptedStreams() : nil) { scene in
                let first = await scene.server.call("publish", #"{"channel":"log:a","data":1,"version":5}"#)
                for skips in [false, true] {
                    let again = await scene.server.call(
                        "publish", #"{"channel":"log:a","data":2,"version":4,"skip_history":\#(skips)}"#)
                    #expect(again == first)
                }
            }
        }
    }
}
