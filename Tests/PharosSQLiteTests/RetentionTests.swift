import PharosDomain
import PharosSQLite
import PharosTestKit
import Testing

@Suite("what nobody can read any more is deleted")
struct RetentionTests {
    @Test("expired publications, keys and streams leave no rows behind")
    func expiry() async throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        let retention = StreamRetention(size: 100, ttlMs: 10_000, metaTTLMs: 1_000_000)
        for number in 0..<300 {
            try await streams.append("x", to: "channel \(number % 10)", key: "\(number)", nowMs: 0, retention)
        }
        #expect(
            await streams.statistics == StoreStatistics(streams: 10, publications: 300, idempotencyKeys: 300, heads: 10)
        )
        try await tidy(streams, fixture, nowMs: 5_000)
        #expect(await streams.statistics.publications == 300)
        try await tidy(streams, fixture, nowMs: 20_000)
        #expect(
            await streams.statistics == StoreStatistics(streams: 10, publications: 0, idempotencyKeys: 300, heads: 10))
        try await tidy(streams, fixture, nowMs: 300_000)
        #expect(await streams.statistics.idempotencyKeys == 0)
        try await tidy(streams, fixture, nowMs: 2_000_000)
        #expect(
            await streams.statistics == StoreStatistics(streams: 0, publications: 0, idempotencyKeys: 0, heads: 0))
        streams.close()
    }

    private func tidy(_ streams: SQLiteStreams, _ fixture: StoreFixture, nowMs: Int64) async throws {
        fixture.wallMs = nowMs
        await streams.tidied()
    }

    @Test("retention finds what expired while the server was down")
    func expiryAfterRestart() async throws {
        let fixture = StoreFixture()
        let retention = StreamRetention(size: 10_000, ttlMs: 10_000, metaTTLMs: 1_000_000)
        var streams = try fixture.open()
        for number in 0..<2_000 { try await streams.append("x", to: "channel \(number % 2)", nowMs: 0, retention) }
        streams.close()
        fixture.wallMs = 50_000
        streams = try fixture.open()
        await streams.tidied()
        #expect(await streams.statistics == StoreStatistics(streams: 2, publications: 0, idempotencyKeys: 0, heads: 0))
        #expect(try await streams.append("y", to: "channel 0", nowMs: 50_000, retention).offset == 1_001)
        streams.close()
    }

    @Test("a stream keeps few rows more than its size")
    func trimming() async throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        let retention = StreamRetention(size: 80, ttlMs: 10_000, metaTTLMs: 0)
        for _ in 0..<1_000 { try await streams.append("x", nowMs: 0, retention) }
        #expect(await streams.statistics.publications <= 80 + 17)
        #expect(try await streams.read(nowMs: 0, retention).publications.count == 80)
        streams.close()
    }

    @Test("removing a long history takes no longer than a short one; its rows go little by little")
    func removal() async throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        for _ in 0..<3_000 { try await streams.append("x") }
        #expect(try await streams.perform(.removeHistory(channel: "news")) == .removed)
        try await streams.append("y")
        #expect(try await streams.read().texts == ["y"])
        await streams.tidied()
        #expect(await streams.statistics.publications == 1)
        #expect(try await streams.read().texts == ["y"])
        streams.close()
    }

    @Test("a stream that expires one by one is tidied while it is in use")
    func steadyExpiry() async throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        let retention = StreamRetention(size: 10_000, ttlMs: 10_000, metaTTLMs: 0)
        var nowMs: Int64 = 0
        for number in 0..<500 {
            nowMs += 100
            try await streams.append("\(number)", nowMs: nowMs, retention)
            if number % 10 == 0 { try await tidy(streams, fixture, nowMs: nowMs) }
            let read = try await streams.read(after: nil, nowMs: nowMs, retention)
            #expect(read.publications.count == min(number + 1, 100))
            #expect(read.texts.last == "\(number)")
        }
        #expect(await streams.statistics.publications < 150)
        streams.close()
    }
}
