import PharosCluster
import PharosDomain
import PharosTestKit

/// A relay in a test: it asks an engine and keeps what is reported.
actor TestRelay {
    private let engine: RemoteEngine
    private let answerLimitMs: Int64
    private var nextTicket: UInt64 = 1
    private var completions: [UInt64: Result<EngineOutcome, ReplyError>] = [:]
    private var events: [EngineEvent] = []

    init(_ backend: any EngineBackend) {
        engine = RemoteEngine(backend, relay: 0, wake: {})
        answerLimitMs = backend.answerLimitMs
    }

    @discardableResult
    func submit(_ request: EngineRequest) -> UInt64 {
        let ticket = nextTicket
        nextTicket += 1
        engine.submit(request, ticket: ticket, at: TestNode.now, into: &events)
        return ticket
    }

    func complete(_ request: EngineRequest) async throws -> EngineOutcome { try await completion(of: submit(request)) }

    func completion(of ticket: UInt64) async throws -> EngineOutcome {
        let end = ContinuousClock.now + .milliseconds(2 * answerLimitMs + 30_000)
        while ContinuousClock.now < end {
            collect()
            if let result = completions[ticket] { return try result.get() }
            try await Task.sleep(for: .microseconds(200))
        }
        throw TestFailure("request \(ticket) was never completed")
    }

    /// Everything that was reported so far, in order.
    func reported() -> [EngineEvent] {
        collect()
        return events
    }

    private func collect() {
        var new: [EngineEvent] = []
        engine.expire(at: TestNode.now)
        engine.collect(at: TestNode.now, into: &new)
        for event in new {
            guard case .completed(let ticket, let result) = event else { continue }
            precondition(completions[ticket] == nil, "request \(ticket) was completed twice")
            completions[ticket] = result
        }
        events += new
    }
}

/// Something did not happen that a test waited for.
struct TestFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
