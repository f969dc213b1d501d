import PharosDomain
import PharosMemory
import PharosTestKit
import Testing

@testable import PharosChannels

/// The guarantees of engines, checked for the one of a server that stands alone.
///
/// It runs over a store that answers at once, and over one that takes its time.
@Suite("the engine in the process")
struct InProcessEngineTests {
    enum Store: CaseIterable { case atOnce, later }

    private func engine(_ store: Store) -> EngineUnderTest {
        EngineUnderTest { wake in
            var stores = StreamStores.inMemory
            if store == .later { stores.add(LateStreams(), named: StreamStores.diskName) }
            // Channels without a time of their own are remembered without an end.
            var settings = ChannelSettings()
            settings.historyMetaTTL = 0
            return InProcessEngine(
                stores, settings: settings, idempotencyWindowMs: EngineUnderTest.windowMs, wake: wake)
        }
    }

    @Test("every guarantee of an engine is kept", arguments: EngineConformance.allCases, Store.allCases)
    func conformance(_ guarantee: EngineConformance, _ store: Store) async throws {
        try await guarantee.check(engine(store))
    }

    @Test(
        "every guarantee of a stream store is kept by the engine before it", arguments: StreamStoreConformance.allCases,
        Store.allCases)
    func stores(_ guarantee: StreamStoreConformance, _ store: Store) async throws {
        try await guarantee.check(engine(store))
    }

    @Test("a namespace's store is chosen by its name")
    func registry() {
        var stores = StreamStores.inMemory
        var options = EngineUnderTest.options(StreamStoreConformance.retention)
        #expect(stores.name(for: options) == StreamStores.memoryName)
        options.durability = .disk
        #expect(stores.name(for: options) == StreamStores.memoryName)
        stores.add(LateStreams(), named: StreamStores.diskName)
        #expect(stores.name(for: options) == StreamStores.diskName)
        options.durability = .memory
        #expect(stores.name(for: options) == StreamStores.memoryName)
        options.durability = .asConfigured
        #expect(stores.name(for: options) == StreamStores.diskName)
        #expect(stores.name(for: ChannelOptions()) == StreamStores.memoryName)
    }
}

@Suite("presence in memory")
struct MemoryPresenceTests {
    @Test("every guarantee of a presence store is kept", arguments: PresenceConformance.allCases)
    func conformance(_ guarantee: PresenceConformance) throws {
        try guarantee.check(MemoryPresence())
    }
}
