package import PharosDomain
import Synchronization

/// A durable store: each operation waits for its completion.
package final class DurableStoreUnderTest: StreamStoreUnderTest {
    private let streams: Mutex<any DurableStreams>
    private let tidyUp: @Sendable (any DurableStreams, Int64) async -> Void
    private let reopen: @Sendable () throws -> any DurableStreams

    /// - Parameters:
    ///   - reopen: opens the store anew, after it was closed.
    ///   - tidy: makes the store delete what has expired by the given time.
    package init(
        _ streams: any DurableStreams, reopen: @escaping @Sendable () throws -> any DurableStreams,
        tidy: @escaping @Sendable (any DurableStreams, Int64) async -> Void
    ) {
        self.streams = Mutex(streams)
        self.reopen = reopen
        tidyUp = tidy
    }

    private var current: any DurableStreams { streams.withLock { $0 } }

    package func perform(_ operation: StreamOperation) async throws -> StreamOutcome {
        try await current.perform(operation)
    }

    package func tidy(nowMs: Int64) async { await tidyUp(current, nowMs) }

    package func restart() async throws {
        current.close()
        let reopened = try reopen()
        streams.withLock { $0 = reopened }
    }

    package func close() { current.close() }
}

extension DurableStreams {
    /// Submits one operation and waits for its end.
    package func perform(_ operation: StreamOperation) async throws -> StreamOutcome {
        let completion = await withCheckedContinuation { continuation in
            submit(operation, ticket: 7, to: StoreAnswer(continuation))
        }
        try require(completion.ticket, is: 7, "the ticket of a completion")
        return try completion.result.get()
    }
}

/// Waits for the end of one operation. A second one would trap, as it should.
private final class StoreAnswer: StreamReceiver {
    private let continuation: CheckedContinuation<StreamCompletion, Never>

    init(_ continuation: CheckedContinuation<StreamCompletion, Never>) { self.continuation = continuation }

    func completed(_ completions: [StreamCompletion]) {
        precondition(completions.count == 1, "one operation, \(completions.count) completions")
        continuation.resume(returning: completions[0])
    }
}
