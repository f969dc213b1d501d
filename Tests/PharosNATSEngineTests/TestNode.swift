import CPharosSys
import PharosCluster
import PharosDomain
import PharosTestKit

@testable import PharosNATSEngine

/// One node of a cluster: an engine with one relay.
actor TestNode {
    static let options: ChannelOptions = {
        var options = ChannelOptions()
        (options.historySize, options.historyTTL) = (5_000, 600)
        return options
    }()
    private static var now: Moment { Moment(monotonicMs: pharos_monotonic_ms(), wallMs: pharos_wall_ms()) }

    nonisolated let backend: NATSBackend
    private let engine: RemoteEngine
    private var nextTicket: UInt64 = 1
    private var results: [UInt64: Result<EngineOutcome, ReplyError>] = [:]
    private(set) var events: [EngineEvent] = []

    init(_ settings: NATSEngineSettings) throws {
        backend = try NATSBackend(settings)
        engine = RemoteEngine(backend, relay: 0) {}
    }

    deinit { backend.close() }

    @discardableResult
    func submit(_ request: EngineRequest) -> UInt64 {
        let ticket = nextTicket
        nextTicket += 1
        var none: [EngineEvent] = []
        engine.submit(request, ticket: ticket, at: TestNode.now, into: &none)
        return ticket
    }

    private func collect() {
        engine.expire(at: TestNode.now)
        var more: [EngineEvent] = []
        engine.collect(at: TestNode.now, into: &more)
        events += more
        for event in more {
            guard case .completed(let ticket, let result) = event else { continue }
            precondition(results[ticket] == nil, "request \(ticket) was completed twice")
            results[ticket] = result
        }
    }

    func complete(_ request: EngineRequest) async throws -> Result<EngineOutcome, ReplyError> {
        try await completion(of: submit(request))
    }

    func completion(of ticket: UInt64) async throws -> Result<EngineOutcome, ReplyError> {
        try await wait("a completion") { [self] in results[ticket] != nil }
        return results[ticket]!
    }

    /// Waits for something to be so.
    ///
    /// Long enough for every request to be answered, and for what is tried again after a first failure.
    func wait(_ what: String, until isSo: () -> Bool) async throws {
        let end = ContinuousClock.now + .milliseconds(3 * backend.answerLimitMs + 30_000)
        while ContinuousClock.now < end {
            collect()
            if isSo() { return }
            try await Task.sleep(for: .milliseconds(1))
        }
        throw NATSServer.Failure(description: "never came: \(what)")
    }

    /// Waits for an event of a kind.
    func waitForEvent(_ what: String, where isIt: @Sendable (EngineEvent) -> Bool) async throws {
        try await wait(what) { events.contains(where: isIt) }
    }

    // MARK: Short ways

    func follow(_ channel: ChannelName, _ options: ChannelOptions = TestNode.options) {
        submit(.follow(channel: channel, options: options))
    }

    func publish(
        _ text: String, to channel: ChannelName, _ options: ChannelOptions = TestNode.options, key: IdempotencyKey = "",
        skipHistory: Bool = false
    ) async throws -> Result<StreamPosition, ReplyError> {
        let publish = EnginePublish(
            channel: channel, publication: Publication(data: Array(text.utf8)), options: options,
            skipHistory: skipHistory, idempotencyKey: key)
        return try await complete(.publish(publish)).map { outcome in
            guard case .position(let position) = outcome else { preconditionFailure("no position") }
            return position
        }
    }

    func read(
        _ channel: ChannelName, after: UInt64? = nil, _ options: ChannelOptions = TestNode.options
    ) async throws -> StreamRead {
        let outcome = try await complete(
            .read(channel: channel, options: options, after: after, limit: .max)
        ).get()
        guard case .read(let read) = outcome else { preconditionFailure("no read") }
        return read
    }

    /// The publications that were reported of a channel, in order.
    func reports(of channel: ChannelName) -> [Report] {
        collect()
        return events.compactMap { event in
            guard case .publication(channel, let delivery) = event else { return nil }
            return Report(
                offset: delivery.publication.offset, text: String(decoding: delivery.publication.data, as: UTF8.self))
        }
    }

    func waitForReports(_ count: Int, of channel: ChannelName) async throws -> [Report] {
        try await wait("\(count) reports") { reports(of: channel).count >= count }
        return reports(of: channel)
    }

    struct Report: Equatable, Sendable {
        var offset: UInt64
        var text: String
    }
}
