import Foundation
import PharosDomain
import PharosSQLite
import Testing

/// Starts on files that were changed while no store had them open.
@Suite("a store whose files were changed while it was down")
struct LostCommitsTests {
    /// The files of a store that was killed, and what it had answered.
    private struct Killed {
        let fixture = StoreFixture()
        var answered = StreamRead(top: StreamPosition())
        /// As the database file was before the last start but one.
        var oldDatabase = Data()
        /// As the log was before the last half of what it holds.
        var oldLog = Data()

        var log: String { fixture.database + "-wal" }
        var record: String { fixture.database + "-answered" }
    }

    private static let frameSize = 4_096 + 24

    /// Files of a store that was killed.
    ///
    /// It had eight publications, a start, eight, a start, and 24 that are in the log only: copied while the store is
    /// open, which is what `kill -9` leaves.
    private func killed(movesLog: Bool = false) async throws -> Killed {
        let live = StoreFixture()
        var killed = Killed()
        for round in 0..<3 {
            let streams = try live.open()
            if round == 1 { killed.oldDatabase = try Data(contentsOf: URL(filePath: live.database)) }
            for number in 1...(round == 2 ? 24 : 8) {
                try await streams.append("\(round) \(number)", key: "key \(round) \(number)")
                if round == 2, number == 12 {
                    killed.oldLog = try Data(contentsOf: URL(filePath: live.database + "-wal"))
                }
            }
            if round == 2 {
                killed.answered = try await streams.read()
                if movesLog { await streams.logMoved() }
                try FileManager.default.copyItem(atPath: live.path, toPath: killed.fixture.path)
            }
            streams.close()
        }
        return killed
    }

    private func change(_ path: String, _ body: (inout Data) -> Void) throws {
        var bytes = try Data(contentsOf: URL(filePath: path))
        body(&bytes)
        try bytes.write(to: URL(filePath: path))
    }

    /// Checks that nothing is missing, or that the loss was noticed.
    ///
    /// Then the epoch is another one and the operator has been informed.
    private func check(
        _ killed: Killed, isLost: Bool, _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let streams: SQLiteStreams
        do {
            streams = try killed.fixture.open()
        } catch {
            #expect(isLost && error.code == .damaged, "\(comment): \(error)", sourceLocation: sourceLocation)
            return
        }
        let answered = killed.answered
        let read = try await streams.read()
        let told = killed.fixture.events.contains { if case .lost = $0 { true } else { false } }
        #expect(told == isLost, comment, sourceLocation: sourceLocation)
        #expect((streams.loss != nil) == isLost, comment, sourceLocation: sourceLocation)
        if isLost {
            #expect(read.top.epoch != answered.top.epoch, comment, sourceLocation: sourceLocation)
            #expect(
                read.publications == Array(answered.publications.prefix(read.publications.count)), comment,
                sourceLocation: sourceLocation)
        } else {
            #expect(read == answered, comment, sourceLocation: sourceLocation)
        }
        // The result of a key is given as it stands now, or it is stored anew.
        let position = try await streams.append("again", key: "key 0 1")
        #expect(position.epoch == read.top.epoch, comment, sourceLocation: sourceLocation)
        #expect(
            position.offset == 1, comment, sourceLocation: sourceLocation)
        // It is reported once; the next start finds everything as this one has left it.
        let left = try await streams.read()
        streams.close()
        let again = try killed.fixture.open()
        #expect(again.loss == nil, comment, sourceLocation: sourceLocation)
        #expect(try await again.read() == left, comment, sourceLocation: sourceLocation)
        again.close()
    }

    @Test("nothing was changed: everything is there")
    func unchanged() async throws {
        let killed = try await killed()
        try await check(killed, isLost: false, "killed")
    }

    @Test("the index of the log is made anew, whatever it was")
    func sharedMemory() async throws {
        for kind in 0..<2 {
            let killed = try await killed()
            let index = killed.fixture.database + "-shm"
            if kind == 0 {
                try FileManager.default.removeItem(atPath: index)
            } else {
                try change(index) { bytes in for place in bytes.indices { bytes[place] = 0xa5 } }
            }
            try await check(killed, isLost: false, "index \(kind)")
        }
    }

    /// The positions at which a bit is flipped.
    ///
    /// They are each byte of the log's header and of some frames' headers, and bytes of their pages.
    private static let places: [Int] =
        Array(0..<32)
        + [0, 1, 20, 40, 70].flatMap { frame in
            (Array(0..<24) + [24, 100, 2_000, 4_119]).map { 32 + frame * frameSize + $0 }
        }

    @Test("a flipped bit anywhere in the log", arguments: 0..<8)
    func flippedBit(_ part: Int) async throws {
        let whole = try await killed()
        for (index, place) in LostCommitsTests.places.enumerated() where index % 8 == part {
            var copy = Killed()
            copy.answered = whole.answered
            try FileManager.default.copyItem(atPath: whole.fixture.path, toPath: copy.fixture.path)
            try change(copy.log) { bytes in bytes[place] ^= 1 << (place % 8) }
            try await check(copy, isLost: true, "byte \(place)")
        }
    }

    @Test("a log that was moved into the database is not needed, whatever becomes of it", arguments: 0..<4)
    func flippedBitAfterMoving(_ part: Int) async throws {
        let whole = try await killed(movesLog: true)
        for (index, place) in LostCommitsTests.places.enumerated() where index % 16 == part {
            var copy = Killed()
            copy.answered = whole.answered
            try FileManager.default.copyItem(atPath: whole.fixture.path, toPath: copy.fixture.path)
            try change(copy.log) { bytes in bytes[place] ^= 1 << (place % 8) }
            try await check(copy, isLost: false, "byte \(place)")
            #expect(copy.fixture.events.contains(.needlessLogRemoved) == (place >= 32))
        }
        try FileManager.default.removeItem(atPath: whole.log)
        try await check(whole, isLost: false, "removed")
    }

    @Test("what nobody was answered for may be torn")
    func tornTail() async throws {
        for kind in 0..<3 {
            let killed = try await killed()
            try change(killed.log) { bytes in
                let frame = Data(bytes[bytes.startIndex + 32..<bytes.startIndex + 32 + LostCommitsTests.frameSize])
                switch kind {
                case 0: bytes.append(frame.prefix(2_000))
                case 1: bytes.append(frame)
                default: bytes.append(Data(repeating: 0, count: 3 * LostCommitsTests.frameSize))
                }
            }
            try await check(killed, isLost: false, "tail \(kind)")
        }
    }

    @Test("a log that is cut short, gone, empty, or an older one")
    func wrongLog() async throws {
        for part in [0, 16, 32, 100, 32 + 5 * LostCommitsTests.frameSize, 32 + 30 * LostCommitsTests.frameSize + 77] {
            let killed = try await killed()
            try change(killed.log) { $0 = $0.prefix(part) }
            try await check(killed, isLost: true, "\(part) bytes left")
        }
        var killed = try await killed()
        try FileManager.default.removeItem(atPath: killed.log)
        try await check(killed, isLost: true, "removed")

        killed = try await self.killed()
        let old = killed.oldLog
        try change(killed.log) { $0 = old }
        try await check(killed, isLost: true, "older log")

        killed = try await self.killed()
        let other = try await self.killed()
        let foreign = try Data(contentsOf: URL(filePath: other.log))
        try change(killed.log) { $0 = foreign }
        try await check(killed, isLost: true, "another store's log")
    }

    @Test("an older copy of the database, with the log or after a proper end")
    func olderDatabase() async throws {
        var killed = try await killed()
        let old = killed.oldDatabase
        try change(killed.fixture.database) { $0 = old }
        try await check(killed, isLost: true, "under the newer log")

        killed = try await self.killed()
        let older = killed.oldDatabase
        try killed.fixture.open().close()
        try change(killed.fixture.database) { $0 = older }
        try await check(killed, isLost: true, "after a proper end")

        killed = try await self.killed()
        try FileManager.default.removeItem(atPath: killed.fixture.database)
        let streams = try killed.fixture.open()
        #expect(streams.loss != nil)
        #expect(try await streams.read().publications == [])
        #expect(try await streams.read().top.epoch != killed.answered.top.epoch)
        streams.close()
    }

    @Test("the record of what was answered for: half of it is enough, without it nothing is certain")
    func record() async throws {
        for places in [[0], [4_096], [0, 4_096]] {
            let killed = try await killed()
            try change(killed.record) { bytes in
                for place in places { bytes[place + 30] ^= 4 }
            }
            try await check(killed, isLost: places.count == 2, "damaged at \(places)")
        }
        let killed = try await killed()
        try FileManager.default.removeItem(atPath: killed.record)
        try await check(killed, isLost: true, "removed")
    }

    @Test("the epochs of empty streams change as well")
    func emptyStreams() async throws {
        let killed = try await killed()
        var streams = try killed.fixture.open()
        let epoch = try await streams.read("empty").top.epoch
        streams.close()
        try FileManager.default.removeItem(atPath: killed.record)
        streams = try killed.fixture.open()
        #expect(try await streams.read("empty").top.epoch != epoch)
        streams.close()
    }

    @Test("a log that has grown is moved, and kill -9 before and after loses nothing", .timeLimit(.minutes(2)))
    func grownLog() async throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        let text = String(repeating: "x", count: 40_000)
        for round in 0..<6 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 { group.addTask { try await streams.append("\(round) \(number) \(text)") } }
                try await group.waitForAll()
            }
            var copy = Killed()
            copy.answered = try await streams.read()
            try FileManager.default.copyItem(atPath: fixture.path, toPath: copy.fixture.path)
            let copied = try copy.fixture.open()
            #expect(copied.loss == nil)
            #expect(try await copied.read() == copy.answered)
            copied.close()
        }
        streams.close()
    }
}
