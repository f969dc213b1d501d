import Foundation
import PharosDomain
import PharosSQLite
import PharosTestKit
import Testing

@Suite("the event log on the disk") struct EventLogTests {
    @Test("keeps every guarantee of an event log", arguments: EventQueueConformance.allCases)
    func conformance(_ guarantee: EventQueueConformance) async throws {
        let fixture = EventLogFixture()
        try await guarantee.check { try fixture.open($0) }
    }

    @Test("what was not acknowledged is told after the restart, and exactly that")
    func restart() async throws {
        let fixture = EventLogFixture()
        var log = try fixture.open()
        for number in 1...30 {
            log.record(.connected("c\(number)"))
            log.record(.of("c\(number)", .disconnected, ""))
        }
        let events = await log.all()
        let told = events.prefix(20)
        _ = await log.next(for: "app", after: told.last!.sequence, limits: EventBatchLimits())
        let rest = await log.next(for: "app", after: 20, limits: EventBatchLimits())
        log.close()
        log = try fixture.open()
        #expect(log.storedOrigins == ["app"])
        #expect(log.deadConnections == 0)
        #expect(log.totals.waiting == 40)
        #expect(await log.all() == rest)
        log.close()
    }

    @Test("numbers grow over restarts, also when everything was told")
    func numbers() async throws {
        let fixture = EventLogFixture()
        var last: UInt64 = 0
        for round in 1...4 {
            let log = try fixture.open()
            #expect(try await log.snapshot(cursor: "", limit: 1).sequence == last)
            log.record(.connected("c\(round)"))
            log.record(.of("c\(round)", .disconnected, ""))
            let events = await log.next(for: "app", after: 0, limits: EventBatchLimits(count: 1))
            #expect(events.first?.sequence == last + 1)
            last += 2
            log.release()
            #expect(await log.next(for: "app", after: last, limits: EventBatchLimits()) == [])
            log.close()
        }
    }

    @Test("a log whose newest events were lost says so, and gives no number twice")
    func lostEvents() async throws {
        let fixture = EventLogFixture()
        let log = try fixture.open()
        for number in 1...20 { log.record(.connected("c\(number)")) }
        let last = try #require(await log.all().last).sequence
        let (whole, damaged) = (try await fixture.afterCrash(of: log), try await fixture.afterCrash(of: log))
        log.close()
        let untouched = try whole.open()
        #expect(untouched.deadConnections == 20)
        #expect(untouched.loss == nil)
        untouched.close()

        let wal = URL(filePath: "\(damaged.database)-wal")
        var bytes = try Data(contentsOf: wal)
        bytes[32 + 24 + 500] ^= 1
        try bytes.write(to: wal)
        let left = try damaged.open()
        #expect(left.loss != nil)
        #expect(damaged.reports.contains { if case .lost = $0 { true } else { false } })
        left.record(.connected("later"))
        #expect(try #require(await left.all().last).sequence > last + 1_000_000)
        left.close()
    }

    @Test("WS-6: the connections of a process that was killed are told after the restart, in order, once")
    func crash() async throws {
        let fixture = EventLogFixture()
        let log = try fixture.open()
        for client: ClientName in ["b", "a", "c"] {
            var event = OriginEvent.connected(client, user: "u-\(client)")
            event.meta = Array(#"{"m":1}"#.utf8)
            log.record(event)
        }
        for (client, channel): (ClientName, ChannelName) in [("a", "y"), ("b", "x"), ("a", "x"), ("c", "x")] {
            log.record(.of(client, .subscribed, channel))
        }
        for channel: ChannelName in ["x", "y", "z"] {
            var event = OriginEvent(.occupied, atMs: 1)
            event.channel = channel
            log.record(event)
        }
        var vacated = OriginEvent(.vacated, atMs: 1)
        vacated.channel = "z"
        log.record(vacated)
        log.record(.of("c", .unsubscribed, "x"))
        log.record(.of("c", .disconnected, ""))
        log.record(.raw(.rawEstablished, "r1"))
        log.record(.raw(.rawEstablished, "r2"))
        log.record(.raw(.rawClosed, "r1"))
        let before = await fixture.settled(log)

        let copy = try await fixture.afterCrash(of: log)
        log.close()
        var after = try copy.open()
        #expect(after.deadConnections == 3)
        let told = await after.all()
        #expect(Array(told.prefix(before.count)) == before)
        let new = told.dropFirst(before.count)
        #expect(
            new.map { "\($0.event.kind) \($0.event.client) \($0.event.channel)" } == [
                "unsubscribed a x", "unsubscribed a y", "unsubscribed b x", "disconnected a ", "disconnected b ",
                "vacated  x", "vacated  y",
            ])
        #expect(zip(new, new.dropFirst()).allSatisfy { $0.sequence < $1.sequence })
        #expect(new.first!.sequence > before.last!.sequence)
        for event in new.prefix(5).map(\.event) {
            #expect(event.code == 3_002 && event.reason == "server died" && event.atMs == 777)
            #expect(event.user == "u-\(event.client)" && event.transport == "websocket")
            #expect(event.meta == Array(#"{"m":1}"#.utf8))
        }
        let raw = await after.all(for: "sockets").map(\.event)
        #expect(raw.map(\.client) == ["r1", "r2"])
        #expect(raw.last?.kind == .rawClosed && raw.last?.code == 3_002 && raw.last?.origin == "sockets")
        #expect(try await after.snapshot(cursor: "", limit: 10).clients == [])
        let waitingBytes = after.totals.waitingBytes
        let sizes = told.map(\.event.size) + raw.map(\.size)
        #expect(waitingBytes == sizes.reduce(0, +))
        after.close()
        // Recorded once: the next start finds no client that died.
        after = try copy.open()
        #expect(after.deadConnections == 0)
        #expect(await after.all() == told)
        after.close()
    }

    @Test("one node of several does not tell after a crash that channels are vacated: the others did")
    func crashOfOneOfSeveral() async throws {
        let fixture = EventLogFixture()
        let log = try fixture.open(isOneOfSeveral: true)
        log.record(.connected("a", user: "u"))
        var occupied = OriginEvent(.occupied, atMs: 1)
        occupied.channel = "x"
        log.record(occupied)
        let copy = try await fixture.afterCrash(of: log)
        log.close()
        for isOneOfSeveral in [true, false] {
            let after = try copy.open(isOneOfSeveral: isOneOfSeveral)
            #expect(await after.all().map(\.event.kind) == [.connected, .occupied, .disconnected])
            after.close()
        }
    }

    @Test("after a crash only what is wanted is told")
    func crashUnwanted() async throws {
        let fixture = EventLogFixture()
        var settings = HookSettings()
        settings.eventsTo = "app"
        settings.events = [.connected]
        let log = try fixture.open(settings)
        log.record(.connected("a"))
        let copy = try await fixture.afterCrash(of: log)
        log.close()
        let after = try copy.open(settings)
        #expect(after.deadConnections == 1)
        #expect(await after.all().map(\.event.kind) == [.connected])
        after.close()
    }

    @Test("a log of a newer version, another program's and another server's are refused")
    func refused() throws {
        let fixture = EventLogFixture()
        func refusal() -> StoreError.Code? {
            do throws(StoreError) {
                try fixture.open().close()
                return nil
            } catch {
                return error.code
            }
        }
        func overwrite(at offset: UInt64, with bytes: [UInt8]) throws {
            let file = try FileHandle(forUpdating: URL(filePath: fixture.database))
            try file.seek(toOffset: offset)
            try file.write(contentsOf: bytes)
            try file.close()
        }
        let log = try fixture.open()
        #expect(refusal() == .inUse)
        log.close()
        // Where SQLite keeps `user_version` and `application_id`: its file format, section 1.3.
        try overwrite(at: 60, with: [0, 0, 0, 99])
        #expect(refusal() == .newerVersion)
        try overwrite(at: 60, with: [0, 0, 0, 2])
        #expect(refusal() == nil)
        try overwrite(at: 68, with: [1, 2, 3, 4])
        #expect(refusal() == .foreign)
    }

    @Test("streams and events live in one directory")
    func together() throws {
        let fixture = EventLogFixture()
        let streams = try SQLiteStreams(directory: fixture.path) { _ in }
        let log = try fixture.open()
        log.close()
        streams.close()
    }

    @Test("many threads record at once, each one's order is kept")
    func threads() async throws {
        let fixture = EventLogFixture()
        let log = try fixture.open()
        await withTaskGroup(of: Void.self) { group in
            for thread in 1...4 {
                group.addTask { for number in 1...500 { log.record(.of("\(thread)", .subscribed, "\(number)")) } }
            }
        }
        let events = await fixture.settled(log)
        #expect(events.count == 2_000)
        for (_, own) in Dictionary(grouping: events, by: \.event.client) {
            #expect(own.map(\.event.channel) == (1...500).map { "\($0)" })
        }
        log.close()
    }
}

extension EventLogFixture {
    /// All events that were recorded up to now and are to be sent.
    func settled(_ log: SQLiteEventLog) async -> [NumberedEvent] {
        _ = try? await log.snapshot(cursor: "", limit: 1)
        return await log.all()
    }
}
