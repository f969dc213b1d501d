import PharosDomain
import PharosSQLite
import PharosTestKit
import Testing

@Suite("the store against a plain list")
struct StoreModelTests {
    /// The expected content of a stream.
    private struct Model {
        var top: UInt64 = 0
        var kept: [(offset: UInt64, endsMs: Int64)] = []
        /// They expire in their order, whatever the clock does.
        var lastEndsMs: Int64 = .min

        mutating func expire(_ nowMs: Int64) {
            kept = Array(kept.drop { $0.endsMs <= nowMs })
            if kept.isEmpty { lastEndsMs = .min }
        }

        mutating func append(_ nowMs: Int64, _ retention: StreamRetention) {
            top += 1
            if kept.isEmpty { lastEndsMs = .min }
            lastEndsMs = max(lastEndsMs, nowMs + retention.ttlMs)
            kept.append((top, lastEndsMs))
            kept = kept.suffix(retention.size)
        }
    }

    /// Either these steps run, or steps back of the clock.
    ///
    /// Expired publications may be shown again after a step back, depending on what retention has deleted and what a
    /// restart has made the store forget.
    @Test(
        "they agree over thousands of random steps, with restarts and retention or with clock steps among them",
        arguments: 1...4, [false, true])
    func randomSteps(_ seed: UInt64, restarts: Bool) async throws {
        var random = SeededGenerator(seed: seed)
        let fixture = StoreFixture()
        let headCapacity = restarts ? 4 : 100
        var streams = try fixture.open { $0.headCapacity = headCapacity }
        var models: [ChannelName: Model] = [:]
        var nowMs: Int64 = 1_000_000
        for _ in 0..<1_500 {
            nowMs += Int64.random(in: 0...9, using: &random)
            let channel: ChannelName = "channel \(Int.random(in: 0..<6, using: &random))"
            let retention = StreamRetention(
                size: Int.random(in: 0..<50, using: &random) == 0 ? 3 : 40, ttlMs: 600, metaTTLMs: 0)
            var model = models[channel] ?? Model()
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<60:
                model.append(nowMs, retention)
                let position = try await streams.append("\(model.top)", to: channel, nowMs: nowMs, retention)
                #expect(position.offset == model.top)
            case 60..<95:
                model.expire(nowMs)
                let after = model.top - min(UInt64.random(in: 0...50, using: &random), model.top)
                let limit = Int.random(in: 0...50, using: &random)
                let read = try await streams.read(channel, after: after, limit: limit, nowMs: nowMs, retention)
                #expect(read.top.offset == model.top)
                #expect(read.texts == model.kept.filter { $0.offset > after }.prefix(limit).map { "\($0.offset)" })
            case 95:
                #expect(try await streams.perform(.removeHistory(channel: channel)) == .removed)
                model.kept = []
            case 96 where restarts:
                fixture.wallMs = nowMs
                await streams.tidied()
            case 97 where restarts:
                streams.close()
                streams = try fixture.open { $0.headCapacity = headCapacity }
            default:
                nowMs += Int64.random(in: restarts ? 0...300 : -300...300, using: &random)
            }
            models[channel] = model
        }
        #expect(streams.health == .working)
        streams.close()
    }
}
