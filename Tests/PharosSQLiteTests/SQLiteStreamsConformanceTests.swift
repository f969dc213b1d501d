import PharosChannels
import PharosDomain
import PharosMemory
import PharosSQLite
import PharosTestKit
import Testing

@Suite("streams on a disk")
struct SQLiteStreamsConformanceTests {
    @Test("every guarantee of a stream store is kept", arguments: StreamStoreConformance.allCases)
    func conformance(_ guarantee: StreamStoreConformance) async throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        let store = fixture.underTest(streams)
        try await guarantee.check(store)
        #expect(streams.health == .working)
        #expect(fixture.events == [])
        store.close()
    }

    @Test(
        "every guarantee of a stream store is kept by one that remembers few streams",
        arguments: StreamStoreConformance.allCases)
    func conformanceOfSmallCache(_ guarantee: StreamStoreConformance) async throws {
        let fixture = StoreFixture()
        let store = fixture.underTest(try fixture.open { $0.headCapacity = 0 }) { $0.headCapacity = 0 }
        try await guarantee.check(store)
        store.close()
    }

    @Test("every guarantee of a durable store is kept", arguments: DurableStreamsConformance.allCases)
    func durableConformance(_ guarantee: DurableStreamsConformance) async throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        try await guarantee.check(streams, fixture.underTest(streams))
        streams.close()
    }

    @Test("every guarantee of an engine is kept before the disk", arguments: EngineConformance.allCases)
    func engineConformance(_ guarantee: EngineConformance) async throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        try await guarantee.check(
            EngineUnderTest { wake in
                var stores = StreamStores.inMemory
                stores.add(streams, named: StreamStores.diskName)
                return InProcessEngine(
                    stores, settings: ChannelSettings(), idempotencyWindowMs: EngineUnderTest.windowMs, wake: wake)
            })
        streams.close()
    }
}
