import PharosDomain
import Synchronization

/// How the store is, kept by its thread, asked for by any.
final class StoreCondition: Sendable {
    /// Something stored that could not be read.
    struct DamagedPosition: Equatable {
        let channel: ChannelName
        let offset: UInt64?
    }

    private struct State {
        var failure: StoreFailure?
        var damage: [DamagedPosition] = []
        var health = StoreHealth.working
    }

    private let path: String
    private let state = Mutex(State())
    private let listener: @Sendable (StoreEvent) -> Void

    /// The most damaged positions that are looked at again.
    ///
    /// Damage beyond that is found again when it is read.
    private static let mostPositions = 16

    init(path: String, listener: @escaping @Sendable (StoreEvent) -> Void) {
        self.path = path
        self.listener = listener
    }

    var health: StoreHealth { state.withLock { $0.health } }
    var isWorking: Bool { health == .working }
    /// Whether the last attempt to write was successful.
    var isWriting: Bool { state.withLock { $0.failure == nil } }

    func report(_ event: StoreEvent) { listener(event) }

    /// Something was written.
    func succeeded() { change { $0.failure = nil } }

    func failed(_ failure: StoreFailure) { change { $0.failure = failure } }

    func found(_ position: DamagedPosition) {
        let isNew = state.withLock { state in
            guard !state.damage.contains(where: { $0.channel == position.channel }) else { return false }
            if state.damage.count == StoreCondition.mostPositions { state.damage.removeFirst() }
            state.damage.append(position)
            return true
        }
        guard isNew else { return }
        report(.damaged(channel: position.channel))
        change { _ in }
    }

    /// Looks at each damaged position again; those that `isWhole` now are forgotten.
    func forgetDamage(_ isWhole: (DamagedPosition) -> Bool) {
        let positions = state.withLock { $0.damage }
        for position in positions where isWhole(position) {
            change { $0.damage.removeAll { $0 == position } }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let event: StoreEvent? = state.withLock { state in
            body(&state)
            let health = health(in: state)
            guard health != state.health else { return nil }
            state.health = health
            return switch health {
            case .working: .recovered
            case .failing(let text): .failing(text)
            }
        }
        if let event { report(event) }
    }

    private func health(in state: State) -> StoreHealth {
        if let failure = state.failure { return .failing(failure.text(at: path)) }
        if state.damage.isEmpty { return .working }
        return .failing(
            "part of what is stored in \(path) cannot be read; restore it from a backup, or remove the history of the "
                + "channels that the log names")
    }
}
