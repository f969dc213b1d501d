import PharosCluster
import PharosDomain
import PharosRedis
import PharosTestKit
import Testing

@testable import PharosRedisEngine

/// The guarantees of engines and of stores, checked over a real server.
@Suite(
    "the engine over Redis", .serialized,
    .enabled(if: RedisProcess.path != nil, "PHAROS_REDIS_SERVER names no redis-server"))
struct RedisConformanceTests {
    /// The guarantees whose time is simulated.
    ///
    /// The server's own clock decides, so that those of nodes do not matter; it cannot be moved by a test. What they
    /// check is checked with real seconds by `RedisExpiryTests`.
    static let simulatedTime: Set<StreamStoreConformance> = [
        .entriesExpireOneByOne, .topOutlivesThePublications, .lostMemoryMeansANewEpoch, .aKeyEndsWithItsWindow,
    ]

    @Test(
        "every guarantee of an engine is kept, in both versions of the protocol", arguments: EngineConformance.allCases,
        [true, false])
    func engines(_ guarantee: EngineConformance, _ prefersRESP3: Bool) async throws {
        let server = try RedisProcess()
        var settings = TestNode.settings(.standalone([TestNode.address(server)]))
        settings.session.prefersRESP3 = prefersRESP3
        let backend = try RedisBackend(settings)
        defer { backend.close() }
        try await guarantee.check(EngineUnderTest { RemoteEngine(backend, relay: 0, wake: $0) })
    }

    @Test(
        "every guarantee of a stream store is kept by the engine",
        arguments: StreamStoreConformance.allCases.filter { !simulatedTime.contains($0) })
    func stores(_ guarantee: StreamStoreConformance) async throws {
        let server = try RedisProcess()
        let backend = try RedisBackend(TestNode.settings(.standalone([TestNode.address(server)])))
        defer { backend.close() }
        try await guarantee.check(
            FollowingStore(engine: EngineUnderTest { RemoteEngine(backend, relay: 0, wake: $0) }))
    }
}

/// An engine whose every channel is followed.
///
/// So publications are reported, and repeats can be told from others. Retention is in minutes in place of seconds: the
/// server's clock goes on while a busy machine is slow.
private struct FollowingStore: StreamStoreUnderTest {
    let engine: EngineUnderTest

    func perform(_ operation: StreamOperation) async throws -> StreamOutcome {
        if case .append(let append) = operation {
            let options = EngineUnderTest.options(StreamStoreConformance.retention)
            _ = await engine.submit(.follow(channel: append.channel, options: options), at: TestNode.now)
        }
        return try await engine.perform(FollowingStore.lengthened(operation))
    }

    private static func lengthened(_ operation: StreamOperation) -> StreamOperation {
        func long(_ retention: StreamRetention) -> StreamRetention {
            StreamRetention(
                size: retention.size, ttlMs: retention.ttlMs * 60, metaTTLMs: retention.metaTTLMs * 60)
        }
        switch operation {
        case .append(var append):
            append.retention = long(append.retention)
            return .append(append)
        case .read(let channel, let after, let limit, let retention, let nowMs):
            return .read(channel: channel, after: after, limit: limit, retention: long(retention), nowMs: nowMs)
        case .readBackwards(let channel, let before, let limit, let retention, let nowMs):
            return .readBackwards(
                channel: channel, before: before, limit: limit, retention: long(retention), nowMs: nowMs)
        case .removeHistory: return operation
        }
    }

    func tidy(nowMs: Int64) async { await engine.tidy(nowMs: nowMs) }
}
