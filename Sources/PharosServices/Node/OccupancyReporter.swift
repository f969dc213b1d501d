import PharosDomain

/// The channels that have subscribers on this node, as it reports them.
///
/// A record stays while the channel is occupied here, and after that until both nodes have acknowledged that it is not.
struct OccupancyReporter: Sendable {
    private struct Record: Sendable {
        var isOccupied = false
        var wasTold = false
        var number: UInt64 = 0
        /// The nodes that have acknowledged the record in these places; nil: none.
        var primary: UInt64?
        var secondary: UInt64?
    }

    private var records: [ChannelName: Record] = [:]
    /// Channels with records that are not acknowledged by both.
    private(set) var open: Set<ChannelName> = []
    private var number: UInt64 = 0

    var count: Int { records.count }
    var channels: [ChannelName] { Array(records.keys) }

    /// The first subscriber on this node has come, or the last has gone.
    mutating func change(_ channel: ChannelName, isOccupied: Bool) {
        number += 1
        let wasTold = isOccupied ? false : records[channel]?.wasTold ?? false
        records[channel] = Record(isOccupied: isOccupied, wasTold: wasTold, number: number)
        open.insert(channel)
    }

    /// The channel is empty, and another node than this one is to tell that.
    mutating func handOver(_ channel: ChannelName) {
        if records[channel] == nil { change(channel, isOccupied: false) }
        records[channel]!.wasTold = true
    }

    /// The reports that are due to the two nodes.
    func reports(of channel: ChannelName, to pair: OccupancyPlaces.Pair) -> [(report: OccupancyReport, node: UInt64)] {
        guard let record = records[channel] else { return [] }
        let report = OccupancyReport(
            channel: channel, number: record.number, isOccupied: record.isOccupied, wasTold: record.wasTold)
        var due: [(report: OccupancyReport, node: UInt64)] = []
        if let secondary = pair.secondary, record.secondary != secondary { due.append((report, secondary)) }
        if record.primary != pair.primary { due.append((report, pair.primary)) }
        return due
    }

    /// A node has acknowledged a report.
    ///
    /// - Returns: whether the primary is to hear more than it was told.
    mutating func receive(_ receipt: OccupancyReceipt, from node: UInt64, _ pair: OccupancyPlaces.Pair) -> Bool {
        guard var record = records[receipt.channel], receipt.number <= record.number else { return false }
        let isNewest = receipt.number == record.number
        let saysTold = receipt.isPrimary && receipt.isOccupied && !record.wasTold && (isNewest || !record.isOccupied)
        if saysTold { record.wasTold = true }
        if isNewest, receipt.isPrimary, node == pair.primary { record.primary = node }
        if isNewest, !receipt.isPrimary, node == pair.secondary { record.secondary = node }
        settle(receipt.channel, record, pair)
        return saysTold && record.primary != pair.primary
    }

    private mutating func settle(_ channel: ChannelName, _ record: Record, _ pair: OccupancyPlaces.Pair) {
        records[channel] = record
        if record.primary != pair.primary || pair.secondary.map({ $0 != record.secondary }) ?? false {
            open.insert(channel)
        } else {
            open.remove(channel)
            if !record.isOccupied { records[channel] = nil }
        }
    }

    /// The nodes that a channel's reports go to may be others.
    ///
    /// - Parameters:
    ///   - forgetful: those that have nothing of this node any more.
    ///   - here: this node.
    mutating func nodesChanged(
        of channel: ChannelName, _ pair: OccupancyPlaces.Pair, forgetful: Set<UInt64>, here: UInt64
    ) {
        guard var record = records[channel] else { return }
        if let primary = record.primary, forgetful.contains(primary) { record.primary = nil }
        if let secondary = record.secondary, forgetful.contains(secondary) { record.secondary = nil }
        // It may have told that the channel is empty, since it took this node for dead.
        let replacement = pair.primary == here ? pair.secondary : pair.primary
        if record.isOccupied, let replacement, forgetful.contains(replacement) { record.wasTold = false }
        settle(channel, record, pair)
    }
}
