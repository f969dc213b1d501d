import Foundation
import PharosDomain
import PharosSQLite
import PharosTestKit
import Testing

@Suite("a store whose disk fails")
struct FailingStoreTests {
    private static let failing = ReplyError(code: 100, message: "the message store is failing", isTemporary: true)
    private static let damaged = ReplyError(
        code: 100, message: "the stored messages of the channel cannot be read", isTemporary: true)

    @Test("on a full disk nothing is half stored, reading goes on, and publishing resumes by itself")
    func fullDisk() async throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        let text = String(repeating: "x", count: 3_000)
        for _ in 1...20 { try await streams.append(text) }
        await streams.limited(toPages: 50)
        var stored: UInt64 = 20
        await #expect(throws: FailingStoreTests.failing) {
            while true { stored = try await streams.append(text).offset }
        }
        guard case .failing(let message) = streams.health else { throw WrongAnswer() }
        #expect(message.contains("the disk is full"))
        #expect(message.contains(fixture.database))
        let read = try await streams.read()
        #expect(read.publications.map(\.offset) == Array(1...stored))
        #expect(read.top.offset == stored)
        await #expect(throws: FailingStoreTests.failing) { try await streams.append(text, to: "new") }

        await streams.limited(toPages: 1_000_000)
        #expect(try await streams.append(text).offset == stored + 1)
        #expect(streams.health == .working)
        #expect(fixture.events == [.failing(message), .recovered])
        streams.close()
    }

    @Test("a full disk that has room again is noticed without anybody publishing")
    func probing() async throws {
        let fixture = StoreFixture()
        let (recovered, continuation) = AsyncStream<StoreEvent>.makeStream()
        let streams = try SQLiteStreams(directory: fixture.path) { continuation.yield($0) }
        await streams.limited(toPages: 20)
        await #expect(throws: FailingStoreTests.failing) {
            while true { try await streams.append(String(repeating: "x", count: 3_000)) }
        }
        await streams.limited(toPages: 1_000_000)
        for await event in recovered where event == .recovered { break }
        #expect(streams.health == .working)
        streams.close()
    }

    @Test("what does not fit in the queue is refused in its place in the order")
    func fullQueue() async throws {
        let fixture = StoreFixture()
        let streams = try fixture.open { $0.queueLimit = 10 }
        let (completions, continuation) = AsyncStream<StreamCompletion>.makeStream()
        let listener = StoreListener { for completion in $0 { continuation.yield(completion) } }
        for ticket in 0..<5_000 as Range<UInt64> {
            let append = StreamAppend(
                channel: "news", publication: Publication(data: [1]), retention: StoreFixture.retention, nowMs: 0)
            streams.submit(.append(append), ticket: ticket, to: listener)
        }
        var (next, stored) = (0 as UInt64, 0 as UInt64)
        for await completion in completions {
            #expect(completion.ticket == next)
            switch completion.result {
            case .success(.appended(let position, _)):
                stored += 1
                #expect(position.offset == stored)
            case .success: throw WrongAnswer()
            case .failure(let error):
                #expect(error == ReplyError(code: 100, message: "the message store is busy", isTemporary: true))
            }
            next += 1
            if next == 5_000 { break }
        }
        #expect(stored >= 10 && stored < 5_000)
        #expect(try await streams.read().top.offset == stored)
        streams.close()
    }

    /// Fills a store, damages its file, and looks at it with a fresh one.
    private func afterDamage(
        _ damage: (inout Data) -> Void,
        _ check: (SQLiteStreams, StoreFixture, [ChannelName: StreamRead]) async throws -> Void
    ) async throws {
        let fixture = StoreFixture()
        var streams = try fixture.open()
        for number in 1...400 {
            try await streams.append(
                "\(number) " + String(repeating: "abcdefgh", count: 60), to: "channel \(number % 8)")
        }
        var whole: [ChannelName: StreamRead] = [:]
        for number in 0..<8 { whole["channel \(number)"] = try await streams.read("channel \(number)") }
        streams.close()
        let file = URL(filePath: fixture.database)
        var bytes = try Data(contentsOf: file)
        damage(&bytes)
        try bytes.write(to: file)
        streams = try fixture.open()
        try await check(streams, fixture, whole)
        streams.close()
    }

    @Test("a changed byte of a publication is noticed; other channels go on; removing the history heals")
    func changedByte() async throws {
        try await afterDamage { bytes in
            let place = bytes.range(of: Data("123 abcdefgh".utf8))!
            bytes[place.lowerBound + 7] ^= 0x20
        } _: { streams, fixture, whole in
            await #expect(throws: FailingStoreTests.damaged) { try await streams.read("channel 3") }
            guard case .failing(let message) = streams.health else { throw WrongAnswer() }
            #expect(message.contains("cannot be read"))
            #expect(fixture.events == [.damaged(channel: "channel 3"), .failing(message)])
            #expect(try await streams.read("channel 4") == whole["channel 4"])
            // Rows behind the damage are still there, and publishing goes on.
            let after = try await streams.read("channel 3", after: 40)
            #expect(after.publications == Array(whole["channel 3"]!.publications.suffix(10)))
            #expect(try await streams.append("more", to: "channel 3").offset == 51)

            #expect(try await streams.perform(.removeHistory(channel: "channel 3")) == .removed)
            #expect(try await streams.append("anew", to: "channel 3").offset == 52)
            #expect(try await streams.read("channel 3").texts == ["anew"])
        }
    }

    @Test("whatever page is overwritten: what is read is right, or it is an error", arguments: 0..<12)
    func overwrittenPage(_ seed: Int) async throws {
        let damage: (inout Data) -> Void = { bytes in
            let pages = bytes.count / 4_096
            // Not the first page: without the schema, the store does not open.
            let page = 1 + (seed * 7_919) % (pages - 1)
            let start = page * 4_096 + (seed % 3) * 1_000
            for index in start..<min(start + 1_500, bytes.count) {
                bytes[index] = UInt8(truncatingIfNeeded: index &* 31)
            }
        }
        do {
            try await afterDamage(damage) { streams, _, whole in
                for (channel, before) in whole {
                    guard let read = try? await streams.read(channel) else { continue }
                    // A stream that could not be found has begun anew, which its readers see by the epoch.
                    if read.top.epoch == before.top.epoch {
                        #expect(read == before)
                    } else {
                        #expect(read.publications == [])
                    }
                }
                for channel in whole.keys {
                    guard let position = try? await streams.append("next", to: channel) else { continue }
                    #expect(position.epoch != whole[channel]!.top.epoch || position.offset == 51)
                }
            }
        } catch let error as StoreError {
            #expect(error.code == .damaged, "\(error)")
        }
    }
}
