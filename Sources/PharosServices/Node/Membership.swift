import PharosDomain

/// The other nodes that are believed to be there, by their signs of life.
///
/// A state machine without IO; times are monotonic milliseconds. A node that is not heard of for `timeoutMs` is taken for
/// dead. If it was only slow, it comes back by its next sign of life, and for others it is as if it had come anew.
struct Membership: Sendable {
    private struct Peer: Sendable {
        var name: NodeName
        var heardMs: Int64
    }

    enum Arrival: Sendable {
        case known
        /// The node was not known.
        case new
        /// It had been taken for dead.
        case back
    }

    /// So many of the nodes that were taken for dead are remembered.
    private static let lostLimit = 1_000

    let timeoutMs: Int64
    private var peers: [UInt64: Peer] = [:]
    /// Nodes that were taken for dead, the newest last.
    private var lost: [UInt64] = []
    private var lastTickMs: Int64

    init(timeoutMs: Int64, nowMs: Int64) {
        self.timeoutMs = timeoutMs
        lastTickMs = nowMs
    }

    /// Their marks and names.
    var nodes: [UInt64: NodeName] { peers.mapValues(\.name) }

    /// A node has given a sign of life.
    mutating func heard(_ mark: UInt64, _ name: NodeName, nowMs: Int64) -> Arrival {
        guard peers.updateValue(Peer(name: name, heardMs: nowMs), forKey: mark) == nil else { return .known }
        guard let index = lost.firstIndex(of: mark) else { return .new }
        lost.remove(at: index)
        return .back
    }

    /// A node has said that it ends; true: it was known.
    mutating func left(_ mark: UInt64) -> Bool { peers.removeValue(forKey: mark) != nil }

    /// Called about once a second.
    ///
    /// - Parameter isLinked: whether signs of life could have come. While they cannot, no node is taken for dead.
    /// - Returns: the nodes that are taken for dead from now on.
    mutating func tick(nowMs: Int64, isLinked: Bool) -> [UInt64] {
        // This process was stopped for a while, or cut off: what others have sent meanwhile is still to be read.
        let pause = nowMs - lastTickMs
        lastTickMs = nowMs
        if !isLinked || pause > timeoutMs / 2 {
            for mark in peers.keys { peers[mark]!.heardMs = min(peers[mark]!.heardMs + max(pause, 0), nowMs) }
            return []
        }
        let dead = peers.filter { nowMs - $0.value.heardMs >= timeoutMs }.map(\.key).sorted()
        for mark in dead { peers[mark] = nil }
        lost = (lost + dead).suffix(Membership.lostLimit)
        return dead
    }
}
