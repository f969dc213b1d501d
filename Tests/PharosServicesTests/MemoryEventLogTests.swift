import PharosDomain
import PharosServices
import PharosTestKit
import Testing

@Suite("the event log in memory") struct MemoryEventLogTests {
    @Test("keeps every guarantee of an event log", arguments: EventQueueConformance.allCases)
    func conformance(_ guarantee: EventQueueConformance) async throws {
        try await guarantee.check { MemoryEventLog(rules: EventRules($0)) }
    }

    @Test("a cursor that is none of its own is refused")
    func foreignCursor() async {
        let log = MemoryEventLog(rules: EventRules(EventQueueConformance.settings))
        for cursor in ["x", "1024/", "-1/a", "/"] {
            await #expect(throws: ReplyError.self) { try await log.snapshot(cursor: cursor, limit: 1) }
        }
    }
}
