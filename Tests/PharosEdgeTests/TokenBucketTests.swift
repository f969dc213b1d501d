import PharosEdge
import Testing

@Suite("token bucket")
struct TokenBucketTests {
    private func taken(_ bucket: inout TokenBucket, tries: Int, nowMs: Int64) -> Int {
        var count = 0
        for _ in 0..<tries where bucket.take(nowMs: nowMs) { count += 1 }
        return count
    }

    @Test("a burst passes at once, the next one waits for its token")
    func burst() {
        var bucket = TokenBucket(ratePerSecond: 10, burst: 5, nowMs: 1_000)
        #expect(taken(&bucket, tries: 100, nowMs: 1_000) == 5)
        #expect(bucket.take(nowMs: 1_099) == false)
        #expect(bucket.take(nowMs: 1_100) == true)
        #expect(bucket.take(nowMs: 1_100) == false)
    }

    @Test("it is refilled continuously, and never above the burst")
    func refill() {
        var bucket = TokenBucket(ratePerSecond: 10, burst: 5, nowMs: 0)
        #expect(taken(&bucket, tries: 5, nowMs: 0) == 5)
        #expect(taken(&bucket, tries: 100, nowMs: 250) == 2)
        #expect(taken(&bucket, tries: 100, nowMs: 300) == 1)
        #expect(taken(&bucket, tries: 100, nowMs: 3_600_000) == 5)
    }

    @Test("asking every millisecond loses nothing to rounding")
    func rounding() {
        var bucket = TokenBucket(ratePerSecond: 3, burst: 1, nowMs: 0)
        #expect(bucket.take(nowMs: 0) == true)
        var count = 0
        for nowMs in 1...10_000 as ClosedRange<Int64> where bucket.take(nowMs: nowMs) { count += 1 }
        #expect(count == 30 || count == 29)
    }

    @Test("a clock that goes back or far ahead does no harm")
    func clock() {
        var bucket = TokenBucket(ratePerSecond: 1_000, burst: 2, nowMs: .min)
        #expect(taken(&bucket, tries: 10, nowMs: .max) == 2)
        #expect(taken(&bucket, tries: 10, nowMs: 0) == 0)
        #expect(taken(&bucket, tries: 10, nowMs: .max) == 0)
    }

    @Test("a rate of 0 is no limit")
    func unlimited() {
        var bucket = TokenBucket(ratePerSecond: 0, burst: 1, nowMs: 0)
        #expect(taken(&bucket, tries: 1_000, nowMs: 0) == 1_000)
    }
}
