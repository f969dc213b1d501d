import PharosDomain

/// The nodes that tell of a channel's occupancy, and that stand by for it.
///
/// Both follow from the channel and the nodes that are there (rendezvous hashing), so all nodes with the same list agree
/// without a word. When the primary goes, the secondary becomes the primary, and channels of other nodes do not move.
struct OccupancyPlaces: Equatable, Sendable {
    let here: UInt64
    private(set) var others: Set<UInt64> = []

    struct Pair: Equatable, Sendable {
        var primary: UInt64
        /// nil: there is no other node.
        var secondary: UInt64?
    }

    init(here: UInt64) { self.here = here }

    mutating func change(gone: Set<UInt64>, came: Set<UInt64>) {
        others.subtract(gone)
        others.formUnion(came)
        others.remove(here)
    }

    func isKnown(_ node: UInt64) -> Bool { node == here || others.contains(node) }

    func pair(for channel: ChannelName) -> Pair {
        let seed = FirstEpochs.hash(channel.utf8, 0xcbf2_9ce4_8422_2325)
        var first = (weight: OccupancyPlaces.weight(here, seed), node: here)
        var second: (weight: UInt64, node: UInt64)?
        for node in others {
            let next = (weight: OccupancyPlaces.weight(node, seed), node: node)
            if next > first {
                second = first
                first = next
            } else if second.map({ next > $0 }) ?? true {
                second = next
            }
        }
        return Pair(primary: first.node, secondary: second?.node)
    }

    /// The same in every version: nodes that disagree would tell twice, or not at all.
    private static func weight(_ node: UInt64, _ seed: UInt64) -> UInt64 {
        FirstEpochs.hash((0..<8).map { UInt8(truncatingIfNeeded: node >> (8 * $0)) }, seed)
    }
}
