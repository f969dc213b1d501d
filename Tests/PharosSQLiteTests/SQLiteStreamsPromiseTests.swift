import PharosDomain
import PharosSQLite
import PharosTestKit
import Testing

@Suite("streams on a disk")
struct SQLiteStreamsPromiseTests {
    @Test("every promise of a stream store is kept", arguments: StreamStorePromise.allCases)
    func promise(_ promise: StreamStorePromise) async throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        let store = fixture.underTest(streams)
        try await promise.check(store)
        #expect(streams.health == .working)
        #expect(fixture.events == [])
        store.close()
    }

    @Test(
        "every promise of a stream store is kept by one that remembers few streams",
        arguments: StreamStorePromise.allCases)
    func promiseOfSmallCache(_ promise: StreamStorePromise) async throws {
        let fixture = StoreFixture()
        let store = fixture.underTest(try fixture.open { $0.headCapacity = 0 }) { $0.headCapacity = 0 }
        try await promise.check(store)
        store.close()
    }

    @Test("every promise of a durable store is kept", arguments: DurableStreamsPromise.allCases)
    func durablePromise(_ promise: DurableStreamsPromise) async throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        try await promise.check(streams, fixture.underTest(streams))
        streams.close()
    }
}
