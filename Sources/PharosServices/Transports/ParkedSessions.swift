import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// What clients that asked for it left behind, by the secret key that they chose, and where those are that are here. One
/// per node: a client may come back to any shard, by any transport. Any thread.
final class ParkedSessions: Sendable {
    enum Place: Sendable {
        /// Nobody has used the key.
        case unknown
        case parked(RestoredState)
        /// An older connection of the client still stands.
        case live(shard: Int, id: ConnectionID, isPolled: Bool)
    }

    private struct State {
        var places: [String: (place: Place, untilMs: Int64)] = [:]
        /// Keys in the order in which they were parked.
        var order: [(key: String, untilMs: Int64)] = []
        var first = 0
    }

    private let limit: Int
    private let state = Locked(State())

    /// - Parameter limit: clients that may be away at a time; beyond it those away longest are forgotten.
    init(limit: Int) { self.limit = limit }

    /// Where the client with this key is.
    func find(_ key: String, nowMs: Int64) -> Place {
        state.withLock { state in
            guard let entry = state.places[key], entry.untilMs > nowMs else { return .unknown }
            return entry.place
        }
    }

    /// A connection with this key has come; what was there before.
    func claim(_ key: String, shard: Int, id: ConnectionID, isPolled: Bool, nowMs: Int64) -> Place {
        state.withLock { state in
            let before = state.places[key]
            state.places[key] = (.live(shard: shard, id: id, isPolled: isPolled), .max)
            guard let before, before.untilMs > nowMs else { return .unknown }
            return before.place
        }
    }

    /// A connection with this key has gone; nil in `left`: it leaves nothing.
    ///
    /// - Returns: the newer connection that has claimed the key meanwhile, which is to be told.
    func left(
        _ key: String, shard: Int, id: ConnectionID, _ left: RestoredState?, nowMs: Int64, untilMs: Int64
    ) -> (shard: Int, id: ConnectionID)? {
        state.withLock { state in
            if case .live(let liveShard, let liveID, _)? = state.places[key]?.place {
                guard liveShard == shard, liveID == id else { return (liveShard, liveID) }
            }
            if let left {
                state.places[key] = (.parked(left), untilMs)
                state.order.append((key, untilMs))
                drop(&state, nowMs: nowMs)
            } else if case .live? = state.places[key]?.place {
                state.places[key] = nil
            }
            return nil
        }
    }

    /// Those of the clients that are away whom a call of the server API means do not come back to what they had.
    func forget(_ target: APITarget) {
        forEach(target) { _ in nil }
    }

    /// Nor to one channel; "": to none of theirs.
    func leave(_ channel: String, _ target: APITarget) {
        forEach(target) { state in
            var left = state
            left.channels.removeAll { channel.isEmpty || $0.channel == channel }
            return left
        }
    }

    private func forEach(_ target: APITarget, _ change: (RestoredState) -> RestoredState?) {
        // A client's id names a connection, and these have none.
        guard target.client.isEmpty, !target.isEmpty else { return }
        state.withLock { state in
            let keys = target.session.isEmpty ? Array(state.places.keys) : [target.session]
            for key in keys {
                guard case .parked(let left)? = state.places[key]?.place, left.isMeant(by: target) else { continue }
                if let changed = change(left) {
                    state.places[key]!.place = .parked(changed)
                } else {
                    state.places[key] = nil
                }
            }
        }
    }

    /// Forgets who was away too long.
    func expire(nowMs: Int64) { state.withLock { drop(&$0, nowMs: nowMs) } }

    /// Clients that are away.
    var count: Int {
        state.withLock { $0.places.values.count { if case .parked = $0.place { true } else { false } } }
    }

    private func drop(_ state: inout State, nowMs: Int64) {
        while state.first < state.order.count {
            let (key, untilMs) = state.order[state.first]
            guard untilMs <= nowMs || state.order.count - state.first > limit else { break }
            state.first += 1
            // It may have come back, and gone again, meanwhile.
            if let entry = state.places[key], case .parked = entry.place, entry.untilMs == untilMs {
                state.places[key] = nil
            }
        }
        if state.first > 64, state.first * 2 > state.order.count {
            state.order.removeFirst(state.first)
            state.first = 0
        }
    }
}

extension RestoredState {
    /// Whether all that a target names holds, its session apart.
    fileprivate func isMeant(by target: APITarget) -> Bool {
        (target.user.isEmpty || user == target.user)
            && (target.channel.isEmpty || channels.contains { $0.channel == target.channel })
    }
}
