import PharosDomain
import PharosEdge

/// Requests about which the application decides before they are served.
///
/// They are kept by the connection's slot.
struct Handshakes {
    private enum State {
        case asked
        case answered(HookOutcome)
        /// Decided, and the rest of the request is still to come.
        case granted(ConnectionClaims)
    }

    private struct Entry {
        var generation: UInt32
        var state: State
    }

    /// Requests that may wait on one shard; each keeps its head.
    static let limit = 16_384

    private var entries: [UInt32: Entry] = [:]

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }

    mutating func asked(_ id: ConnectionID) {
        entries[id.slot] = Entry(generation: id.generation, state: .asked)
    }

    /// Keeps an answer; false: no request waits for it, since it came late or twice.
    mutating func answered(_ id: ConnectionID, _ outcome: HookOutcome) -> Bool {
        guard let entry = entries[id.slot], entry.generation == id.generation, case .asked = entry.state else {
            return false
        }
        entries[id.slot] = Entry(generation: id.generation, state: .answered(outcome))
        return true
    }

    /// The answer about a head that is looked at again; nil: it was not asked about.
    mutating func takeAnswer(_ id: ConnectionID) -> HookOutcome? {
        guard let entry = entries[id.slot], entry.generation == id.generation, case .answered(let outcome) = entry.state
        else { return nil }
        entries[id.slot] = nil
        return outcome
    }

    /// Keeps what was granted until the request is served.
    mutating func keep(_ claims: ConnectionClaims, _ id: ConnectionID) {
        entries[id.slot] = Entry(generation: id.generation, state: .granted(claims))
    }

    mutating func takeClaims(_ id: ConnectionID) -> ConnectionClaims? {
        guard let entry = entries[id.slot], entry.generation == id.generation, case .granted(let claims) = entry.state
        else { return nil }
        entries[id.slot] = nil
        return claims
    }

    /// The connection has gone.
    mutating func forget(_ id: ConnectionID) {
        if entries[id.slot]?.generation == id.generation { entries[id.slot] = nil }
    }
}
