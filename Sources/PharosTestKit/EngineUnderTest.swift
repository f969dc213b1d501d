package import PharosDomain

/// A channel engine in the form in which its guarantees are checked.
///
/// It runs on an actor in place of a shard, with one request at a time or several.
///
/// An engine gives all guarantees of a store of streams as well: so it can be asked like a store.
package actor EngineUnderTest: StreamStoreUnderTest {
    /// Milliseconds in which a repeated key gets the first result from the engine.
    package static let windowMs: Int64 = 5_000

    private let engine: any ChannelEngine
    private var nextTicket: UInt64 = 1
    private var completions: [UInt64: Result<EngineOutcome, ReplyError>] = [:]
    private var followed: Set<ChannelName> = []
    /// All that the engine has reported, in order; completions as well.
    package private(set) var events: [EngineEvent] = []

    /// Makes the actor around a new engine.
    ///
    /// - Parameter make: makes the engine; the closure that it is given is called when there is something to collect.
    package init(_ make: @Sendable (@escaping @Sendable () -> Void) -> any ChannelEngine) {
        // Everything is collected by asking again and again: no turn of a shard is there to be woken.
        engine = make {}
    }

    // MARK: Requests

    /// Hands in a request and waits for its completion.
    package func complete(
        _ request: EngineRequest, at now: Moment
    ) async throws -> Result<EngineOutcome, ReplyError> {
        try await completion(of: submit(request, at: now), at: now)
    }

    /// Hands in a request; the ticket of its completion.
    package func submit(_ request: EngineRequest, at now: Moment) -> UInt64 {
        let ticket = nextTicket
        nextTicket += 1
        var reported: [EngineEvent] = []
        engine.submit(request, ticket: ticket, at: now, into: &reported)
        note(reported)
        return ticket
    }

    package func completion(of ticket: UInt64, at now: Moment) async throws -> Result<EngineOutcome, ReplyError> {
        // Longer than any engine may take on the slowest machine; the clock of the checks stands still meanwhile.
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if let result = completions[ticket] { return result }
            var reported: [EngineEvent] = []
            engine.collect(at: now, into: &reported)
            note(reported)
            if completions[ticket] == nil { try await Task.sleep(for: .microseconds(100)) }
        }
        throw ConformanceFailure(description: "request \(ticket) was never completed")
    }

    private func note(_ reported: [EngineEvent]) {
        events += reported
        for event in reported {
            guard case .completed(let ticket, let result) = event else { continue }
            precondition(completions[ticket] == nil, "request \(ticket) was completed twice")
            completions[ticket] = result
        }
    }

    // MARK: As a store

    package func perform(_ operation: StreamOperation) async throws -> StreamOutcome {
        switch operation {
        case .append(let append):
            var options = EngineUnderTest.options(append.retention)
            if append.history == .none { (options.historySize, options.historyTTL) = (0, 0) }
            // What a publish does is seen by what is reported.
            if followed.insert(append.channel).inserted {
                _ = submit(
                    .follow(channel: append.channel, options: options), at: EngineUnderTest.moment(append.nowMs))
            }
            let request = EnginePublish(
                channel: append.channel, publication: append.publication, options: options,
                skipHistory: append.history == .skipped, idempotencyKey: append.idempotencyKey,
                version: append.version, versionEpoch: append.versionEpoch)
            let ticket = submit(.publish(request), at: EngineUnderTest.moment(append.nowMs))
            let result = try await completion(of: ticket, at: EngineUnderTest.moment(append.nowMs))
            guard case .position(let position) = try result.get() else {
                throw ConformanceFailure(description: "a publish was answered with something else")
            }
            return .appended(position, isRepeat: !wasReported(before: ticket, append.publication, at: position))
        case .read(let channel, let after, let limit, let retention, let nowMs):
            return try await read(
                .read(channel: channel, options: EngineUnderTest.options(retention), after: after, limit: limit),
                nowMs)
        case .readBackwards(let channel, let before, let limit, let retention, let nowMs):
            return try await read(
                .readBackwards(
                    channel: channel, options: EngineUnderTest.options(retention), before: before, limit: limit),
                nowMs)
        case .removeHistory(let channel):
            let options = EngineUnderTest.options(StreamStoreConformance.retention)
            let request = EngineRequest.removeHistory(channel: channel, options: options)
            guard case .done = try await complete(request, at: EngineUnderTest.moment(0)).get() else {
                throw ConformanceFailure(description: "a removal was answered with something else")
            }
            return .removed
        }
    }

    private func read(_ request: EngineRequest, _ nowMs: Int64) async throws -> StreamOutcome {
        guard case .read(let read) = try await complete(request, at: EngineUnderTest.moment(nowMs)).get() else {
            throw ConformanceFailure(description: "a read was answered with something else")
        }
        return .read(read)
    }

    /// Whether the event before a publish's completion is its publication.
    private func wasReported(before ticket: UInt64, _ publication: Publication, at position: StreamPosition) -> Bool {
        let index = events.firstIndex { if case .completed(ticket, _) = $0 { true } else { false } }
        guard let index, index > 0, case .publication(_, let delivery) = events[index - 1] else { return false }
        return delivery.publication.data == publication.data && delivery.publication.offset == position.offset
    }

    package func tidy(nowMs: Int64) async { engine.expire(at: EngineUnderTest.moment(nowMs)) }

    package static func moment(_ ms: Int64) -> Moment { Moment(monotonicMs: ms, wallMs: ms) }

    /// The options of a namespace with such a retention; whole seconds only.
    package static func options(_ retention: StreamRetention) -> ChannelOptions {
        var options = ChannelOptions()
        options.historySize = retention.size
        options.historyTTL = Int(retention.ttlMs / 1_000)
        options.historyMetaTTL = Int(retention.metaTTLMs / 1_000)
        return options
    }
}
