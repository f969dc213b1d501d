import PharosDomain
import PharosServices
import Synchronization

/// A backend for tests with scripted answers.
final class FakeBackend: Backend {
    struct State {
        var counters = NodeCounters()
        var isReady = true
        var storeHealth = StoreHealth.working
        var storeLoss: String?
    }

    let state = Mutex(State())

    var storeHealth: StoreHealth { state.withLock { $0.storeHealth } }
    var storeLoss: String? { state.withLock { $0.storeLoss } }
    var isReady: Bool { state.withLock { $0.isReady } }

    func counters() async -> NodeCounters { state.withLock { $0.counters } }
}
