import PharosBytes
import PharosCluster
import PharosDomain
import Testing

/// The rule that every request to a backend is answered in its time.
///
/// Whatever the backend does.
@Suite struct RemoteEngineTests {
    /// Answers when it is told to, or never.
    private final class SilentBackend: EngineBackend {
        let inbox = Locked<EngineInbox?>(nil)
        let requestTimeoutMs: Int64 = 5_000
        func open(relay: Int, inbox: EngineInbox) { self.inbox.withLock { $0 = inbox } }
        func submit(_ request: EngineRequest, ticket: UInt64, from relay: Int, at now: Moment) {}
        func nodesChanged(_ nodes: [UInt64], here: UInt64) {}
        var health: EngineHealth { EngineHealth(isReady: true, links: []) }
        func close() {}

        func answer(_ ticket: UInt64) { inbox.withLock { $0?.add(.completed(ticket: ticket, .success(.done))) } }
    }

    private let backend = SilentBackend()
    private let engine: RemoteEngine
    private let wakes = Locked(0)

    init() {
        let wakes = wakes
        engine = RemoteEngine(backend, relay: 0) { wakes.withLock { $0 += 1 } }
    }

    private func submit(_ request: EngineRequest, _ ticket: UInt64, at ms: Int64) {
        var none: [EngineEvent] = []
        engine.submit(request, ticket: ticket, at: Moment(monotonicMs: ms, wallMs: 0), into: &none)
        #expect(none.isEmpty)
    }

    /// The answers by then: a ticket, and "done" or the error.
    private func answers(at ms: Int64) -> [String] {
        let now = Moment(monotonicMs: ms, wallMs: 0)
        engine.expire(at: now)
        var events: [EngineEvent] = []
        engine.collect(at: now, into: &events)
        return events.map { event in
            guard case .completed(let ticket, let result) = event else { return "\(event)" }
            switch result {
            case .success: return "\(ticket) done"
            case .failure(let error): return "\(ticket) \(error.isTemporary ? "temporary" : "final")"
            }
        }
    }

    private static let requests: [EngineRequest] = [
        .publish(EnginePublish(channel: "c", publication: Publication(data: []), options: ChannelOptions())),
        .read(channel: "c", options: ChannelOptions(), after: nil, limit: 1),
        .readBackwards(channel: "c", options: ChannelOptions(), before: nil, limit: 1),
        .removeHistory(channel: "c", options: ChannelOptions()),
    ]

    @Test("a request without an answer gets a temporary error after twice the time for a request")
    func silence() {
        for (ticket, request) in RemoteEngineTests.requests.enumerated() { submit(request, UInt64(ticket), at: 1_000) }
        #expect(answers(at: 10_999) == [])
        #expect(wakes.withLock { $0 } == 0)
        #expect(answers(at: 11_000) == ["0 temporary", "1 temporary", "2 temporary", "3 temporary"])
        #expect(wakes.withLock { $0 } == 1)
        #expect(answers(at: 30_000) == [])
    }

    @Test("an answer that comes in time is the only one, and one that comes late is none")
    func once() {
        submit(RemoteEngineTests.requests[0], 1, at: 0)
        submit(RemoteEngineTests.requests[1], 2, at: 0)
        backend.answer(1)
        #expect(answers(at: 500) == ["1 done"])
        #expect(answers(at: 10_000) == ["2 temporary"])
        backend.answer(2)
        #expect(answers(at: 10_500) == [])
    }

    @Test("an answer that waits to be collected when the time is over counts, and the error does not")
    func race() {
        submit(RemoteEngineTests.requests[0], 1, at: 0)
        backend.answer(1)
        #expect(answers(at: 10_000) == ["1 done"])
        #expect(answers(at: 20_000) == [])
    }

    @Test("what has no answer is not waited for")
    func withoutCompletion() {
        submit(.follow(channel: "c", options: ChannelOptions()), 0, at: 0)
        submit(.unfollow(channel: "c"), 0, at: 0)
        #expect(answers(at: 60_000) == [])
    }
}
