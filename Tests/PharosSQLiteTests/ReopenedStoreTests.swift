import Foundation
import PharosDomain
import PharosSQLite
import Testing

@Suite("a store that is opened again")
struct ReopenedStoreTests {
    @Test("everything is there: positions, publications, versions and keys")
    func reopen() async throws {
        let fixture = StoreFixture()
        var streams = try fixture.open()
        for number in 1...100 { try await streams.append("\(number)", to: "channel \(number % 3)") }
        let first = try await streams.append("once", key: "k")
        var before: [StreamRead] = []
        for channel: ChannelName in ["channel 0", "channel 1", "channel 2", "news", "empty"] {
            before.append(try await streams.read(channel))
        }
        streams.close()
        #expect(!FileManager.default.fileExists(atPath: "\(fixture.database)-wal"))

        streams = try fixture.open()
        var after: [StreamRead] = []
        for channel: ChannelName in ["channel 0", "channel 1", "channel 2", "news", "empty"] {
            after.append(try await streams.read(channel))
        }
        #expect(after == before)
        #expect(try await streams.append("again", key: "k") == first)
        #expect(try await streams.append("next").offset == first.offset + 1)
        #expect(try await streams.read().texts == ["once", "next"])
        streams.close()
    }

    @Test("what was answered for is in the files already, before anything is closed")
    func copyOfTheFiles() async throws {
        let (fixture, copy) = (StoreFixture(), StoreFixture())
        let streams = try fixture.open()
        for number in 1...50 { try await streams.append("\(number)") }
        try FileManager.default.copyItem(atPath: fixture.path, toPath: copy.path)
        let read = try await streams.read()
        streams.close()

        let copied = try copy.open()
        #expect(try await copied.read() == read)
        #expect(try await copied.append("next").offset == 51)
        copied.close()
    }

    @Test("a clock that has jumped changes neither offsets nor epochs")
    func clockSteps() async throws {
        let fixture = StoreFixture()
        let retention = StreamRetention(size: 100, ttlMs: 1_000_000_000, metaTTLMs: 0)
        var epochs: Set<Epoch> = []
        for (index, nowMs) in [1_000_000_000, 5, 900_000_000, 0].enumerated() {
            let streams = try fixture.open()
            let position = try await streams.append("\(index)", nowMs: Int64(nowMs), retention)
            #expect(position.offset == UInt64(index + 1))
            epochs.insert(position.epoch)
            let read = try await streams.read(nowMs: Int64(nowMs), retention)
            #expect(read.texts == (0...index).map { "\($0)" })
            streams.close()
        }
        #expect(epochs.count == 1)
    }

    @Test("reading keeps a stream's memory without a write each time, and a restart never ends it early")
    func memoryOfReaders() async throws {
        let fixture = StoreFixture()
        let retention = StreamRetention(size: 100, ttlMs: 1_000, metaTTLMs: 10_000)
        var nowMs: Int64 = 0
        var streams = try fixture.open()
        let epoch = try await streams.append("x", nowMs: nowMs, retention).epoch
        for _ in 1...20 {
            nowMs += 999
            _ = try await streams.read(nowMs: nowMs, retention)
        }
        streams.close()
        streams = try fixture.open()
        nowMs += 9_999
        #expect(try await streams.read(nowMs: nowMs, retention).top == StreamPosition(offset: 1, epoch: epoch))
        streams.close()
        streams = try fixture.open()
        nowMs += 12_000
        #expect(try await streams.read(nowMs: nowMs, retention).top.epoch != epoch)
        streams.close()
    }

    @Test("closing completes what was submitted and refuses what follows")
    func closing() async throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        let told = try await withThrowingTaskGroup(of: StreamPosition.self) { group in
            for number in 0..<200 { group.addTask { try await streams.append("\(number)") } }
            return try await group.reduce(into: []) { $0.append($1.offset) }
        }
        #expect(Set(told) == Set(1...200))
        streams.close()
        streams.close()
        await #expect(throws: ReplyError(code: 100, message: "the message store is closed", isTemporary: true)) {
            try await streams.append("late")
        }
    }
}
