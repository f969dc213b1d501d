import PharosDomain
import PharosSQLite
import PharosTestKit
import Testing

@Suite("an event log whose disk fails") struct EventLogFailureTests {
    private func large(_ client: ClientName) -> OriginEvent {
        var event = OriginEvent.connected(client)
        event.meta = [UInt8](repeating: 0x20, count: 3_000)
        return event
    }

    @Test("on a full disk nobody new is let in, nothing is lost, and all is well again by itself")
    func fullDisk() async throws {
        let fixture = EventLogFixture()
        let log = try fixture.open()
        for number in 1...20 { log.record(large("c\(number)")) }
        let first = await fixture.settled(log)
        #expect(first.count == 20)
        await log.limitFile(toPages: 40)
        for number in 21...200 { log.record(large("c\(number)")) }
        _ = await fixture.settled(log)
        #expect(!log.isAccepting)
        guard case .failing(let message) = log.health else { throw WrongAnswer() }
        #expect(message.contains("the disk is full"))
        #expect(message.contains(fixture.database))
        // Stored events are sent, and sent ones make room, if not enough.
        let stored = await log.all()
        #expect(stored.map(\.sequence) == Array(1...UInt64(stored.count)))
        await log.limitFile(toPages: 1_000_000)
        let rest = await log.next(
            for: "app", after: UInt64(stored.count), limits: EventBatchLimits(count: 1_000, bytes: .max))
        #expect(stored.count + rest.count == 200)
        #expect((stored + rest).map(\.event.client) == (1...200).map { "c\($0)" })
        #expect(log.isAccepting)
        #expect(log.health == .working)
        #expect(fixture.reports == [.failing(message), .recovered])
        #expect(log.totals.lost == 0)
        log.close()
    }

    @Test("while the disk fails, memory has a limit, and what is beyond it is counted")
    func lost() async throws {
        let fixture = EventLogFixture()
        let log = try fixture.open(uncommittedLimit: 20_000)
        await log.limitFile(toPages: 20)
        // One that no limit of this log has room for on the disk.
        for number in 1...100 {
            log.record(large("c\(number)"))
            _ = try await log.snapshot(cursor: "", limit: 1)
        }
        #expect(!log.isAccepting)
        let lost = log.totals.lost
        #expect(lost > 0)
        await log.limitFile(toPages: 1_000_000)
        var told = await log.all()
        while told.count + Int(lost) < 100 { told = await log.all() }
        #expect(told.count + Int(lost) == 100)
        #expect(told.map(\.event.client) == (1...told.count).map { "c\($0)" })
        log.close()
    }
}
