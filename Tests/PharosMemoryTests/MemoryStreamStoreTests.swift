import PharosDomain
import PharosMemory
import PharosTestKit
import Testing

@Suite("streams in memory")
struct MemoryStreamStoreTests {
    @Test("every guarantee of a stream store is kept", arguments: StreamStoreConformance.allCases)
    func conformance(_ guarantee: StreamStoreConformance) async throws {
        try await guarantee.check(OneAtATimeStore(MemoryStreamStore()))
    }

    @Test("streams whose memory has expired are freed")
    func freesStreams() {
        var store = MemoryStreamStore()
        let retention = StreamRetention(size: 5, ttlMs: 1_000, metaTTLMs: 2_000)
        for number in 0..<100 {
            _ = store.add(
                StreamAppend(
                    channel: "channel \(number)", publication: Publication(data: [1]), retention: retention,
                    nowMs: Int64(number)))
        }
        #expect(store.streamCount == 100)
        store.expire(nowMs: 2_049)
        #expect(store.streamCount == 50)
        store.expire(nowMs: 2_099)
        #expect(store.streamCount == 0)
    }

    @Test("an epoch is eight letters and digits, different for each channel and each store")
    func epochs() throws {
        let retention = StreamRetention(size: 5, ttlMs: 1_000, metaTTLMs: 2_000)
        let epochs = try (0..<1_000).map { number in
            var store = MemoryStreamStore()
            return try ["a", "b \(number)"].map { try store.top(of: $0, retention: retention, nowMs: 0).epoch }
        }.joined()
        #expect(Set(epochs).count == 2_000)
        #expect(
            epochs.allSatisfy {
                $0.utf8.count == 8 && $0.text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
            })
    }

    @Test("the ring agrees with a plain list over ten thousand random steps")
    func againstAModel() throws {
        var store = MemoryStreamStore()
        var model: [(offset: UInt64, endsMs: Int64)] = []
        var now: Int64 = 0
        var top: UInt64 = 0
        let retention = StreamRetention(size: 7, ttlMs: 50, metaTTLMs: 0)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<10_000 {
            now += Int64.random(in: 0...9, using: &random)
            model.removeAll { $0.endsMs <= now }
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                top += 1
                model.append((top, now + 50))
                if model.count > 7 { model.removeFirst() }
                let position = store.add(
                    StreamAppend(
                        channel: "news", publication: Publication(data: []), retention: retention, nowMs: now))
                #expect(position.offset == top)
            case 6:
                store.expire(nowMs: now)
            case 7:
                let after = top - min(UInt64.random(in: 0...9, using: &random), top)
                let limit = Int.random(in: 0...8, using: &random)
                let read = try store.read("news", after: after, limit: limit, retention: retention, nowMs: now)
                #expect(
                    read.publications.map(\.offset) == Array(model.map(\.offset).filter { $0 > after }.prefix(limit)))
            case 8:
                let before = top + 2 - min(UInt64.random(in: 0...9, using: &random), top)
                let limit = Int.random(in: 0...8, using: &random)
                let read = try store.readBackwards(
                    "news", before: before, limit: limit, retention: retention, nowMs: now)
                let expected = Array(model.map(\.offset).filter { $0 < before }.suffix(limit).reversed())
                #expect(read.publications.map(\.offset) == expected)
            default:
                if Int.random(in: 0..<20, using: &random) == 0 {
                    store.removeHistory(of: "news")
                    model = []
                }
            }
        }
    }

    @Test("looking at channels keeps nothing, and a stream that is forgotten costs few others their epoch")
    func looking() throws {
        var store = MemoryStreamStore()
        let retention = StreamRetention(size: 5, ttlMs: 1_000, metaTTLMs: 2_000)
        func epochs(_ store: inout MemoryStreamStore) throws -> [Epoch] {
            try (0..<3_000).map { number in
                _ = try store.read(ChannelName("channel \(number)"), after: 7, limit: 5, retention: retention, nowMs: 0)
                store.removeHistory(of: "channel \(number)")
                return try store.top(of: "channel \(number)", retention: retention, nowMs: 0).epoch
            }
        }
        let before = try epochs(&store)
        #expect(store.streamCount == 0)
        let append = StreamAppend(channel: "x", publication: Publication(data: []), retention: retention, nowMs: 0)
        let position = store.add(append)
        store.expire(nowMs: 2_000)
        #expect(try store.top(of: "x", retention: retention, nowMs: 2_000).epoch != position.epoch)
        let after = try epochs(&store)
        #expect(zip(before, after).count { $0 != $1 } < 30)
    }
}
