import PharosDomain
import Testing

@testable import PharosChannels

@Suite("the cache before the durable store")
struct StreamCacheTests {
    private let retention = StreamRetention(size: 5, ttlMs: 10_000, metaTTLMs: 100_000)

    private func publication(_ offset: UInt64) -> Publication { Publication(data: [UInt8(offset)], offset: offset) }

    private func append(_ offsets: ClosedRange<UInt64>, to cache: inout StreamCache, nowMs: Int64 = 0) {
        for offset in offsets {
            cache.appended(
                publication(offset), at: StreamPosition(offset: offset, epoch: "e"), to: "a", retention: retention,
                nowMs: nowMs)
        }
    }

    private func read(_ cache: inout StreamCache, after: UInt64?, limit: Int = 100, nowMs: Int64 = 0) -> [UInt64]? {
        cache.read("a", after: after, limit: limit, retention: retention, nowMs: nowMs)?.publications.map(\.offset)
    }

    @Test("what was appended is read back; the store need not be asked")
    func appended() {
        var cache = StreamCache(byteLimit: 1_000_000)
        #expect(read(&cache, after: nil) == nil)
        append(1...3, to: &cache)
        #expect(read(&cache, after: nil) == [1, 2, 3])
        #expect(read(&cache, after: 1) == [2, 3])
        #expect(read(&cache, after: 1, limit: 1) == [2])
        #expect(read(&cache, after: 3) == [])
        #expect(read(&cache, after: 9) == [])
        #expect(cache.top(of: "a", nowMs: 0) == StreamPosition(offset: 3, epoch: "e"))
    }

    @Test("a stream that began before is known only from its first cached publication on")
    func partial() {
        var cache = StreamCache(byteLimit: 1_000_000)
        append(7...8, to: &cache)
        #expect(read(&cache, after: 6) == [7, 8])
        #expect(read(&cache, after: 5) == nil)
        #expect(read(&cache, after: nil) == nil)
        #expect(
            cache.readBackwards("a", before: nil, limit: 2, retention: retention, nowMs: 0)?.publications.count == 2)
        #expect(cache.readBackwards("a", before: nil, limit: 3, retention: retention, nowMs: 0) == nil)
    }

    @Test("size and time trim as the store does, and nothing older is looked for")
    func trimmed() {
        var cache = StreamCache(byteLimit: 1_000_000)
        append(1...8, to: &cache)
        #expect(read(&cache, after: nil) == [4, 5, 6, 7, 8])
        append(9...9, to: &cache, nowMs: 2_000)
        append(10...10, to: &cache, nowMs: 4_000)
        append(11...11, to: &cache, nowMs: 6_000)
        append(12...12, to: &cache, nowMs: 8_000)
        #expect(read(&cache, after: nil, nowMs: 8_000) == [8, 9, 10, 11, 12])
        #expect(read(&cache, after: nil, nowMs: 10_000) == [9, 10, 11, 12])
    }

    @Test("a fill makes it known, newest first, and only for a while")
    func filled() {
        var cache = StreamCache(byteLimit: 1_000_000)
        let top = StreamPosition(offset: 8, epoch: "e")
        cache.filled(
            "a", with: StreamRead(top: top, publications: [8, 7, 6].map(publication)), limit: 3, retention: retention,
            nowMs: 0)
        #expect(read(&cache, after: 5) == [6, 7, 8])
        #expect(read(&cache, after: 4) == nil)
        append(9...9, to: &cache, nowMs: 1_000)
        #expect(read(&cache, after: 5, nowMs: 1_000) == [6, 7, 8, 9])
        // The store is to be asked again long before anything read from it may have expired.
        #expect(read(&cache, after: 5, nowMs: 2_500) == nil)
    }

    @Test("an older fill does not replace what is known by now")
    func overtaken() {
        var cache = StreamCache(byteLimit: 1_000_000)
        append(1...3, to: &cache)
        cache.filled(
            "a", with: StreamRead(top: StreamPosition(offset: 3, epoch: "e"), publications: [publication(3)]), limit: 1,
            retention: retention, nowMs: 0)
        #expect(read(&cache, after: nil) == [1, 2, 3])
    }

    @Test("another epoch, or a hole, begins anew")
    func lost() {
        var cache = StreamCache(byteLimit: 1_000_000)
        append(1...3, to: &cache)
        append(5...5, to: &cache)
        #expect(read(&cache, after: 3) == nil)
        cache.appended(
            publication(1), at: StreamPosition(offset: 1, epoch: "f"), to: "a", retention: retention, nowMs: 0)
        #expect(read(&cache, after: nil) == [1])
        #expect(cache.top(of: "a", nowMs: 0)?.epoch == "f")
    }

    @Test("removing the history keeps the position")
    func removed() {
        var cache = StreamCache(byteLimit: 1_000_000)
        append(1...3, to: &cache)
        cache.removedHistory(of: "a")
        #expect(read(&cache, after: nil) == [])
        append(4...4, to: &cache)
        #expect(read(&cache, after: nil) == [4])
    }

    @Test("memory is bounded, and what is in use stays")
    func bounded() {
        var cache = StreamCache(byteLimit: 100_000)
        let payload = Publication(data: Array(repeating: 1, count: 1_000), offset: 1)
        for number in 0..<1_000 {
            cache.appended(
                payload, at: StreamPosition(offset: 1, epoch: "e"), to: "c\(number)", retention: retention, nowMs: 0)
            #expect(cache.top(of: "c0", nowMs: 0) != nil)
        }
        #expect(cache.channelCount < 120)
        #expect(cache.channelCount > 40)
    }
}
