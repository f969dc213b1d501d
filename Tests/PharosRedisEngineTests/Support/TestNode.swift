import CPharosSys
import PharosBytes
import PharosCluster
import PharosDomain
import PharosLinks
import PharosRedis
import PharosTestKit

@testable import PharosRedisEngine

/// One node of a cluster: a backend, and a relay that is asked by a test.
final class TestNode: Sendable {
    let backend: RedisBackend
    /// Kept, since a server ends with its last reference.
    private let servers: [RedisProcess]
    let relay: TestRelay
    /// The reports to operators.
    let reports: Locked<[String]>

    static let options = EngineUnderTest.options(StreamRetention(size: 100_000, ttlMs: 600_000, metaTTLMs: 3_600_000))
    static var now: Moment { Moment(monotonicMs: pharos_monotonic_ms(), wallMs: pharos_wall_ms()) }

    init(
        _ topology: RedisEngineSettings.Topology, servers: [RedisProcess] = [],
        _ change: (inout RedisEngineSettings) -> Void = { _ in }
    ) throws {
        self.servers = servers
        var settings = TestNode.settings(topology)
        let reports = Locked<[String]>([])
        settings.report = { text in reports.withLock { $0.append(text) } }
        change(&settings)
        self.reports = reports
        let backend = try RedisBackend(settings)
        self.backend = backend
        relay = TestRelay(backend)
    }

    convenience init(_ server: RedisProcess, _ change: (inout RedisEngineSettings) -> Void = { _ in }) throws {
        try self.init(.standalone([TestNode.address(server)]), servers: [server], change)
    }

    deinit { backend.close() }

    static func address(_ server: RedisProcess) -> LinkAddress { LinkAddress(host: "127.0.0.1", port: server.port) }

    static func settings(_ topology: RedisEngineSettings.Topology) -> RedisEngineSettings {
        var link = LinkSettings(addresses: [])
        link.connectTimeoutMs = 2_000
        link.backoff.mostMs = 200
        var settings = RedisEngineSettings(
            topology: topology, link: link, session: RedisSessionOptions(clientName: "pharos"))
        // Channels without a time of their own are remembered without an end.
        settings.channel.historyMetaTTL = 0
        settings.topologyIntervalMs = 500
        settings.requestTimeoutMs = 5_000
        return settings
    }

    // MARK: Asking

    func follow(_ channel: ChannelName) async {
        await relay.submit(.follow(channel: channel, options: TestNode.options))
    }

    @discardableResult
    func publish(_ text: String, _ channel: ChannelName, key: IdempotencyKey = "") async throws -> StreamPosition {
        let request = EnginePublish(
            channel: channel, publication: Publication(data: Array(text.utf8)), options: TestNode.options,
            idempotencyKey: key)
        guard case .position(let position) = try await relay.complete(.publish(request)) else {
            throw TestFailure("a publish was answered with something else")
        }
        return position
    }

    func read(_ channel: ChannelName, after: UInt64? = nil, limit: Int = .max) async throws -> StreamRead {
        let request = EngineRequest.read(channel: channel, options: TestNode.options, after: after, limit: limit)
        guard case .read(let read) = try await relay.complete(request) else {
            throw TestFailure("a read was answered with something else")
        }
        return read
    }

    /// Tries until it succeeds: for what fails while a server is away.
    @discardableResult
    func retry<Result: Sendable>(_ body: @Sendable (TestNode) async throws -> Result) async throws -> Result {
        for _ in 0..<600 {
            if let result = try? await body(self) { return result }
            try await Task.sleep(for: .milliseconds(50))
        }
        return try await body(self)
    }

    // MARK: Reports

    /// Everything that was reported so far.
    func events() async -> [EngineEvent] { await relay.reported() }

    func publications(_ channel: ChannelName) async -> [EngineDelivery] {
        await events().compactMap { event in
            guard case .publication(channel, let delivery) = event else { return nil }
            return delivery
        }
    }

    /// Waits until a condition holds.
    func wait(_ what: String, seconds: Int = 30, until condition: (TestNode) async throws -> Bool) async throws {
        for _ in 0..<(seconds * 50) {
            if try await condition(self) { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw TestFailure("it was waited in vain for: \(what); \(await linkEvents()), \(backend.health.links)")
    }

    func waitUntilReady() async throws { try await wait("the links") { $0.backend.health.isReady } }
}

extension TestNode {
    func members(_ channel: ChannelName) async -> [MemberChange] {
        await events().compactMap { event in
            guard case .member(channel, let change) = event else { return nil }
            return change
        }
    }

    /// The losses and returns of links, in order.
    func linkEvents() async -> [String] {
        await events().compactMap { event in
            switch event {
            case .linkLost: "lost"
            case .linkRegained: "regained"
            default: nil
            }
        }
    }
}
