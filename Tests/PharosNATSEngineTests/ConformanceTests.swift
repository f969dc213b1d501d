import PharosCluster
import PharosDomain
import PharosTestKit
import Testing

@testable import PharosNATSEngine

/// The guarantees of engines and of stores, with a real server for each case.
@Suite(
    "the engine over NATS", .serialized, .enabled(if: NATSServer.program != nil, "PHAROS_NATS_SERVER is not set"))
struct NATSConformanceTests {
    /// Guarantees that cannot be seen here, each with the reason.
    private static let exceptions: [StreamStoreConformance: String] = {
        let reason = "time is simulated in this case, and goes by the server's clock here"
        return [
            .entriesExpireOneByOne: reason, .topOutlivesThePublications: reason, .lostMemoryMeansANewEpoch: reason,
            .usingAStreamKeepsItsMemory: reason, .aKeyEndsWithItsWindow: reason, .aClockStepChangesNoOrder: reason,
        ]
    }()

    @Test("every guarantee of an engine is kept", arguments: EngineConformance.allCases)
    func engines(_ guarantee: EngineConformance) async throws {
        let server = try NATSServer()
        let backend = try NATSBackend(server.settings())
        try await guarantee.check(EngineUnderTest { RemoteEngine(backend, relay: 0, wake: $0) })
        backend.close()
    }

    @Test(
        "every guarantee of a store that real time allows is kept",
        arguments: StreamStoreConformance.allCases.filter { exceptions[$0] == nil })
    func stores(_ guarantee: StreamStoreConformance) async throws {
        let server = try NATSServer()
        let backend = try NATSBackend(server.settings())
        try await guarantee.check(EngineUnderTest { FollowingEngine(backend, wake: $0) })
        backend.close()
    }
}
