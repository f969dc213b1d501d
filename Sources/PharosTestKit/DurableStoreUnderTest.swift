package import PharosDomain

/// A durable store: each operation waits for its completion.
package final class DurableStoreUnderTest: StreamStoreUnderTest {
    private let streams: any DurableStreams
    private let tidyUp: @Sendable (Int64) async -> Void

    /// - Parameter tidy: makes the store delete what has expired by the given time.
    package init(_ streams: any DurableStreams, tidy: @escaping @Sendable (Int64) async -> Void) {
        self.streams = streams
        tidyUp = tidy
    }

    package func perform(_ operation: StreamOperation) async throws -> StreamOutcome {
        try await streams.perform(operation)
    }

    package func tidy(nowMs: Int64) async { await tidyUp(nowMs) }
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
