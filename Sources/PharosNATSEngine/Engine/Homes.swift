import PharosDomain

/// Which node writes a channel that several nodes publish to.
///
/// Rendezvous: each node weighs the channel, the heaviest has it. A node that comes or goes moves its own channels only.
/// Two nodes that think differently do no harm, since the stream's guard decides between them.
struct Homes: Sendable {
    /// A channel whose publications go to its home.
    private struct Shared: Sendable {
        var untilMs: Int64
        /// Forwarded and not answered.
        var open = 0
    }

    /// How long a channel is taken for shared, in milliseconds.
    ///
    /// It counts from the last time that two nodes were in each other's way.
    private static let sharedMs: Int64 = 10_000

    private(set) var here: UInt64 = 0
    private var nodes: [UInt64] = []
    private var shared: [ChannelName: Shared] = [:]

    mutating func change(_ nodes: [UInt64], here: UInt64) {
        (self.nodes, self.here) = (nodes, here)
    }

    /// The home of a channel, if it is another node that is known to be there.
    func elsewhere(_ channel: ChannelName) -> UInt64? {
        guard nodes.count > 1, nodes.contains(here) else { return nil }
        let home = nodes.max { Homes.weight(channel, $0) < Homes.weight(channel, $1) }
        return home == here ? nil : home
    }

    private static func weight(_ channel: ChannelName, _ node: UInt64) -> UInt64 {
        FirstEpochs.hash(channel.utf8, node &* 0x9e37_79b9_7f4a_7c15 ^ 0x5bd1_e995)
    }

    // MARK: Shared channels

    /// Another node has written to the channel at the same time.
    mutating func collided(_ channel: ChannelName, nowMs: Int64) {
        shared[channel, default: Shared(untilMs: 0)].untilMs = nowMs + Homes.sharedMs
    }

    /// Whether publications of the channel go to its home.
    ///
    /// As long as some of them are on their way, the next ones do not take another one.
    mutating func isShared(_ channel: ChannelName, nowMs: Int64) -> Bool {
        guard let entry = shared[channel] else { return false }
        if entry.open > 0 || nowMs < entry.untilMs { return true }
        shared[channel] = nil
        return false
    }

    mutating func sent(_ channel: ChannelName) { shared[channel, default: Shared(untilMs: 0)].open += 1 }

    mutating func answered(_ channel: ChannelName) {
        guard let open = shared[channel]?.open, open > 0 else { return }
        shared[channel]?.open = open - 1
    }

    /// Forgets channels that are not shared any more.
    mutating func tidy(nowMs: Int64) { shared = shared.filter { $0.value.open > 0 || $0.value.untilMs > nowMs } }
}
