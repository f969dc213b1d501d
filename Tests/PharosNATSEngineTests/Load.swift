import PharosDomain
import PharosTestKit
import Testing

/// Publishers on several nodes, whose answers are compared with the history.
struct Load: Sendable {
    private actor Switch {
        private(set) var isOver = false
        func turn() { isOver = true }
    }

    let nodes: [TestNode]
    var channels: [ChannelName] = ["news"]
    var publishersPerNode = 3

    /// Publishes under keys while `body` runs, and again what failed.
    ///
    /// Checks that nothing that was answered is lost, and that nothing is stored twice.
    ///
    /// - Returns: publications that were answered, and temporary errors.
    @discardableResult
    func run(during body: () async throws -> Void) async throws -> (answered: Int, failures: Int) {
        var epochs: [ChannelName: Epoch] = [:]
        for channel in channels { epochs[channel] = try await firstTop(of: channel).epoch }
        let over = Switch()
        let results = try await withThrowingTaskGroup(of: Result.self) { group in
            for (index, node) in nodes.enumerated() {
                for publisher in 0..<publishersPerNode {
                    let channel = channels[publisher % channels.count]
                    group.addTask {
                        try await publish("\(index) \(publisher)", to: channel, on: node) { await over.isOver }
                    }
                }
            }
            try await body()
            await over.turn()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for channel in channels {
            let told = results.filter { $0.channel == channel }.flatMap(\.told)
            try await compare(told, channel, epochs[channel]!)
        }
        return (results.map(\.told.count).reduce(0, +), results.map(\.failures).reduce(0, +))
    }

    /// A cluster of servers takes a while until it makes streams.
    func firstTop(of channel: ChannelName) async throws -> StreamPosition {
        var attempts = 0
        while true {
            do {
                return try await nodes[0].read(channel).top
            } catch let error as ReplyError where error.isTemporary && attempts < 200 {
                attempts += 1
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    private struct Result: Sendable {
        var channel: ChannelName
        var told: [(offset: UInt64, text: String)] = []
        var failures = 0
    }

    private func publish(
        _ name: String, to channel: ChannelName, on node: TestNode, until isOver: @Sendable () async -> Bool
    ) async throws -> Result {
        var result = Result(channel: channel)
        var number = 0
        while await !isOver() {
            let text = "\(name) \(number)"
            switch try await node.publish(text, to: channel, key: IdempotencyKey(text)) {
            case .success(let position):
                result.told.append((position.offset, text))
                number += 1
            case .failure(let error):
                #expect(error.isTemporary)
                result.failures += 1
            }
        }
        return result
    }

    private func compare(_ told: [(offset: UInt64, text: String)], _ channel: ChannelName, _ epoch: Epoch) async throws
    {
        let read = try await nodes[nodes.count - 1].read(channel)
        #expect(read.top.epoch == epoch)
        let offsets = read.publications.map(\.offset)
        #expect(offsets == (0..<read.top.offset).map { $0 + 1 }.suffix(offsets.count))
        #expect(read.top.offset < 5_000 ? offsets.count == Int(read.top.offset) : offsets.count == 5_000)
        let stored = Dictionary(
            uniqueKeysWithValues: read.publications.map { ($0.offset, String(decoding: $0.data, as: UTF8.self)) })
        for (offset, text) in told where offset >= offsets.first ?? 0 { #expect(stored[offset] == text) }
        #expect(Set(stored.values).count == stored.count)
        #expect(Set(told.map(\.offset)).count == told.count)
    }
}
