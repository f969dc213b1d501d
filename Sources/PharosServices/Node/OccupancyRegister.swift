import PharosDomain

/// The nodes that occupy channels.
///
/// It has the channels of which this node is the primary or the secondary.
/// The primary tells the application. The secondary keeps the same, and takes for granted that the primary tells.
struct OccupancyRegister: Sendable {
    private struct Occupant: Sendable {
        var node: UInt64
        var number: UInt64
        var isOccupied: Bool
        var isReceiptDue: Bool
        var sinceMs: Int64
    }

    private struct Entry: Sendable {
        /// Whether the application knows the channel as occupied.
        var told = false
        /// Whether another node told of it until now, so that reports say what it has told.
        var isTakenOver: Bool
        /// Nodes that have left the channel stay for a while.
        ///
        /// Their older reports may still come.
        var occupants: [Occupant] = []

        var isOccupied: Bool { occupants.contains { $0.isOccupied } }
    }

    /// The effect of a decision about a channel.
    struct Decision: Sendable {
        /// For the application; nil: nothing has changed.
        var tells: Bool?
        var receipts: [(receipt: OccupancyReceipt, node: UInt64)] = []
    }

    private var entries: [ChannelName: Entry] = [:]
    /// Channels that wait for a decision.
    private(set) var undecided: Set<ChannelName> = []
    /// Channels with nodes that have left.
    private var left: Set<ChannelName> = []

    var count: Int { entries.count }

    /// Takes a report in.
    ///
    /// - Parameter takesOver: whether another node may have told of the channel until now.
    /// - Returns: a repetition is answered at once; else the channel is undecided now.
    mutating func receive(
        _ report: OccupancyReport, from node: UInt64, isPrimary: Bool, takesOver: Bool, nowMs: Int64
    ) -> OccupancyReceipt? {
        // A report that comes late: all that is known of the channel.
        var entry = entries[report.channel] ?? Entry(isTakenOver: takesOver || report.isOccupied)
        let index = entry.occupants.firstIndex { $0.node == node }
        if let index, entry.occupants[index].number > report.number { return nil }
        if let index, entry.occupants[index].number == report.number, !undecided.contains(report.channel) {
            return OccupancyReceipt(
                channel: report.channel, number: report.number, isOccupied: report.isOccupied, isPrimary: isPrimary)
        }
        let occupant = Occupant(
            node: node, number: report.number, isOccupied: report.isOccupied, isReceiptDue: true, sinceMs: nowMs)
        if let index { entry.occupants[index] = occupant } else { entry.occupants.append(occupant) }
        if report.wasTold, entry.isTakenOver { entry.told = true }
        entries[report.channel] = entry
        undecided.insert(report.channel)
        if !report.isOccupied { left.insert(report.channel) }
        return nil
    }

    /// Compares what the application was told with what is.
    mutating func decide(_ channel: ChannelName, isPrimary: Bool) -> Decision {
        undecided.remove(channel)
        var decision = Decision()
        guard var entry = entries[channel] else { return decision }
        let isOccupied = entry.isOccupied
        if isPrimary, isOccupied != entry.told { decision.tells = isOccupied }
        entry.told = isOccupied
        entry.isTakenOver = false
        for index in entry.occupants.indices where entry.occupants[index].isReceiptDue {
            let occupant = entry.occupants[index]
            entry.occupants[index].isReceiptDue = false
            let receipt = OccupancyReceipt(
                channel: channel, number: occupant.number, isOccupied: occupant.isOccupied, isPrimary: isPrimary)
            decision.receipts.append((receipt, occupant.node))
        }
        entries[channel] = entry.occupants.isEmpty ? nil : entry
        return decision
    }

    /// Forgets the nodes that left channels before `ms`.
    mutating func forgetLeft(before ms: Int64) {
        for channel in left where !undecided.contains(channel) {
            guard var entry = entries[channel] else {
                left.remove(channel)
                continue
            }
            entry.occupants.removeAll { !$0.isOccupied && $0.sinceMs < ms }
            if entry.occupants.allSatisfy(\.isOccupied) { left.remove(channel) }
            entries[channel] = entry.occupants.isEmpty ? nil : entry
        }
    }

    /// Takes over channels that are this node's now, and drops those that are not.
    ///
    /// - Parameters:
    ///   - gone: nodes that occupy nothing any more, or will say anew what they occupy.
    ///   - forgetful: those of them that have taken this node for dead, and told what it had to tell.
    /// - Returns: channels that are empty, and of which another node has to tell that.
    mutating func nodesChanged(
        from old: OccupancyPlaces, to new: OccupancyPlaces, gone: Set<UInt64>, forgetful: Set<UInt64>
    ) -> [ChannelName] {
        var handedOver: [ChannelName] = []
        for channel in Array(entries.keys) {
            let (before, after) = (old.pair(for: channel), new.pair(for: channel))
            var entry = entries[channel]!
            let occupants = entry.occupants.count
            entry.occupants.removeAll { gone.contains($0.node) }
            let (wasPrimary, isPrimary) = (before.primary == new.here, after.primary == new.here)
            if wasPrimary, !isPrimary, entry.told, !entry.isOccupied { handedOver.append(channel) }
            guard isPrimary || after.secondary == new.here else {
                entries[channel] = nil
                undecided.remove(channel)
                continue
            }
            let wasReplaced = after.secondary.map { forgetful.contains($0) } ?? false
            if isPrimary, !wasPrimary || wasReplaced {
                entry.isTakenOver = true
                // Those that occupy it report again, and say what they know.
                if entry.isOccupied || wasReplaced { entry.told = false }
            }
            entries[channel] = entry
            // Others stay decided: to repeat a report of them changes nothing.
            if wasPrimary != isPrimary || wasReplaced || entry.occupants.count < occupants { undecided.insert(channel) }
        }
        return handedOver
    }
}
