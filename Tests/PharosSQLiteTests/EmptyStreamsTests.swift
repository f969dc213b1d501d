import PharosDomain
import PharosSQLite
import PharosTestKit
import Testing

@Suite("streams that nothing was published to")
struct EmptyStreamsTests {
    @Test("looking at channels stores nothing, in the database or in memory, and what was told stays true")
    func looking() async throws {
        let fixture = StoreFixture()
        var streams = try fixture.open()
        var told: [StreamPosition] = []
        for number in 0..<3_000 {
            told.append(try await streams.read("channel \(number)", after: 5).top)
            let backwards = StreamOperation.readBackwards(
                channel: "channel \(number)", before: nil, limit: 10, retention: StoreFixture.retention, nowMs: 1)
            #expect(try await streams.perform(backwards) == .read(StreamRead(top: told[number])))
            #expect(try await streams.perform(.removeHistory(channel: "channel \(number)")) == .removed)
        }
        #expect(
            await streams.statistics
                == StoreStatistics(streams: 0, publications: 0, idempotencyKeys: 0, heads: 0))
        #expect(Set(told.map(\.epoch)).count == 3_000)
        streams.close()
        streams = try fixture.open()
        for number in stride(from: 0, to: 3_000, by: 100) {
            let position = try await streams.append("x", to: "channel \(number)")
            #expect(position == StreamPosition(offset: 1, epoch: told[number].epoch))
        }
        streams.close()
    }

    @Test("a stream whose memory has ended begins in another epoch, and few others do")
    func lostMemory() async throws {
        let fixture = StoreFixture()
        var streams = try fixture.open()
        let retention = StreamRetention(size: 10, ttlMs: 1_000, metaTTLMs: 10_000)
        let first = try await streams.append("x", nowMs: 1_000, retention).epoch
        var others: [Epoch] = []
        for number in 0..<500 { others.append(try await streams.read("other \(number)").top.epoch) }
        #expect(try await streams.read(nowMs: 20_000, retention).top.epoch != first)
        let told = try await streams.read(nowMs: 20_000, retention).top.epoch
        streams.close()
        streams = try fixture.open()
        #expect(try await streams.append("y", nowMs: 20_001, retention) == StreamPosition(offset: 1, epoch: told))
        var changed = 0
        for number in 0..<500 where try await streams.read("other \(number)").top.epoch != others[number] {
            changed += 1
        }
        #expect(changed < 20)
        streams.close()
    }
}
