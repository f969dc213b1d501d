import PharosCluster
import PharosDomain
import PharosTestKit
import Testing

@testable import PharosRedisEngine

/// The guarantees of engines and of stores, checked for the engine over a real server.
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

    /// One server for all: each case has keys of its own.
    private static let server = try? RedisProcess()
    /// Backends must not end before the engines that use them.
    private static func engine(_ prefix: String) throws -> (EngineUnderTest, RedisBackend) {
        let server = try #require(server)
        var settings = TestNode.settings(.standalone([TestNode.address(server)]))
        settings.prefix = prefix
        let backend = try RedisBackend(settings)
        return (EngineUnderTest { RemoteEngine(backend, relay: 0, wake: $0) }, backend)
    }

    @Test("every guarantee of an engine is kept", arguments: EngineConformance.allCases)
    func engines(_ guarantee: EngineConformance) async throws {
        let (engine, backend) = try Self.engine("e-\(guarantee)")
        try await guarantee.check(engine)
        backend.close()
    }

    @Test(
        "every guarantee of a stream store is kept by the engine",
        arguments: StreamStoreConformance.allCases.filter { !simulatedTime.contains($0) })
    func stores(_ guarantee: StreamStoreConformance) async throws {
        let (engine, backend) = try Self.engine("s-\(guarantee)")
        try await guarantee.check(engine)
        backend.close()
    }
}
