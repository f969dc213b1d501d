import PharosDomain

/// Finds the first and the last subscriber of each channel over all nodes.
///
/// Every channel has a primary among the nodes, which tells the application, and a secondary, which replaces it. A node
/// reports to both when it gets its first subscriber of a channel and when it loses its last, and repeats that until both
/// have acknowledged it. When nodes come or go, reports go to the nodes that are now in those places; for `settleMs` after
/// such a change nothing is decided, so that reports of all nodes are there.
///
/// So the application gets each event once, but for one window: if the primary dies after it has told, and before its
/// acknowledgement has arrived, the event comes again from the secondary; and it does not come at all if the reporting
/// node dies with the primary before the primary has told. Nodes that cannot hear each other each tell what they see.
///
/// A state machine without IO; times are monotonic milliseconds. Memory is held for occupied channels only, and for
/// `settleMs` for those that were left.
struct ChannelOccupancy: Sendable {
    enum Output: Equatable, Sendable {
        /// To be told to the application.
        case tell(ChannelName, isOccupied: Bool)
        case send(OccupancyMessage, to: UInt64)
    }

    /// Reports and receipts in one message.
    private static let messageSize = 1_000

    private let settleMs: Int64
    private var places: OccupancyPlaces
    private var reporter = OccupancyReporter()
    private var register = OccupancyRegister()
    private var settledMs: Int64
    /// The places before the last change.
    ///
    /// nil: there were several changes within `settleMs`, or there were no places before.
    private var settledPlaces: OccupancyPlaces?
    private var nextRepeatMs: Int64
    private var isEnded = false
    private var told: [Output] = []
    private var outgoing: [UInt64: OccupancyMessage] = [:]

    /// Makes the machine of one node, which is still to find the others.
    init(here: UInt64, settleMs: Int64, nowMs: Int64) {
        self.settleMs = settleMs
        places = OccupancyPlaces(here: here)
        settledMs = nowMs + settleMs
        nextRepeatMs = nowMs
    }

    /// Channels that memory is held for: of this node's subscribers, and for others.
    var held: (own: Int, registered: Int) { (reporter.count, register.count) }

    // MARK: Input

    /// A channel has got its first subscriber on this node, or has lost its last.
    mutating func change(_ channel: ChannelName, isOccupied: Bool, nowMs: Int64) {
        reporter.change(channel, isOccupied: isOccupied)
        report(channel, nowMs)
    }

    mutating func receive(_ message: OccupancyMessage, from node: UInt64, nowMs: Int64) {
        // A node that was taken for dead is heard again once it is known again.
        guard places.isKnown(node), !isEnded else { return }
        for report in message.reports { receive(report, from: node, nowMs) }
        for receipt in message.receipts { receive(receipt, from: node, nowMs) }
    }

    /// Nodes have come or gone.
    ///
    /// - Parameter forgetful: nodes that had taken this one for dead and hear it again; all of it is new to them.
    mutating func nodesChanged(
        gone: Set<UInt64> = [], came: Set<UInt64> = [], forgetful: Set<UInt64> = [], nowMs: Int64
    ) {
        let old = places
        places.change(gone: gone, came: came.union(forgetful))
        // Nodes of an earlier version, or without events, are in no place.
        guard places != old || !forgetful.isEmpty else { return }
        settledPlaces = nowMs >= settledMs && forgetful.isEmpty ? old : nil
        settledMs = nowMs + settleMs
        let handedOver = register.nodesChanged(
            from: old, to: places, gone: gone.union(forgetful), forgetful: forgetful)
        for channel in handedOver { reporter.handOver(channel) }
        for channel in reporter.channels {
            reporter.nodesChanged(
                of: channel, places.pair(for: channel), forgetful: forgetful, here: places.here)
        }
        for channel in reporter.open { report(channel, nowMs) }
        nextRepeatMs = nowMs + settleMs / 3
    }

    /// Called about once a second.
    mutating func tick(nowMs: Int64) {
        if nowMs >= settledMs {
            for channel in register.undecided { decide(channel, nowMs) }
        }
        register.forgetLeft(before: nowMs - settleMs)
        guard nowMs >= nextRepeatMs else { return }
        nextRepeatMs = nowMs + settleMs / 3
        for channel in reporter.open { report(channel, nowMs) }
    }

    /// This node ends, and tells nothing more.
    ///
    /// If it is the last one, it decides at once what is left to decide.
    mutating func end(nowMs: Int64) {
        isEnded = true
        guard places.others.isEmpty else { return }
        for channel in register.undecided { decide(channel, nowMs) }
    }

    // MARK: Output

    /// Takes out all that is to be told and sent, in order.
    mutating func takeOutput() -> [Output] {
        var output = told
        told = []
        for (node, message) in outgoing.sorted(by: { $0.key < $1.key }) {
            var (reports, receipts) = (message.reports[...], message.receipts[...])
            while !reports.isEmpty || !receipts.isEmpty {
                let part = OccupancyMessage(
                    reports: Array(reports.prefix(ChannelOccupancy.messageSize)),
                    receipts: Array(receipts.prefix(ChannelOccupancy.messageSize)))
                output.append(.send(part, to: node))
                reports = reports.dropFirst(part.reports.count)
                receipts = receipts.dropFirst(part.receipts.count)
            }
        }
        outgoing = [:]
        return output
    }

    // MARK: Reports

    private mutating func report(_ channel: ChannelName, _ nowMs: Int64) {
        for (report, node) in reporter.reports(of: channel, to: places.pair(for: channel)) {
            if node == places.here {
                receive(report, from: node, nowMs)
            } else {
                outgoing[node, default: OccupancyMessage()].reports.append(report)
            }
        }
    }

    private mutating func receive(_ report: OccupancyReport, from node: UInt64, _ nowMs: Int64) {
        let pair = places.pair(for: report.channel)
        let isPrimary = pair.primary == places.here
        // The sender knows other nodes than this one: it repeats its report until they agree.
        guard isPrimary || pair.secondary == places.here else { return }
        let isSettled = nowMs >= settledMs
        let takesOver = !isSettled && settledPlaces?.pair(for: report.channel).primary != places.here
        if let receipt = register.receive(
            report, from: node, isPrimary: isPrimary, takesOver: takesOver, nowMs: nowMs)
        {
            answer(receipt, to: node, nowMs)
        } else if isSettled, register.undecided.contains(report.channel) {
            decide(report.channel, nowMs)
        }
    }

    private mutating func decide(_ channel: ChannelName, _ nowMs: Int64) {
        let decision = register.decide(channel, isPrimary: places.pair(for: channel).primary == places.here)
        if let isOccupied = decision.tells { told.append(.tell(channel, isOccupied: isOccupied)) }
        for (receipt, node) in decision.receipts { answer(receipt, to: node, nowMs) }
    }

    private mutating func answer(_ receipt: OccupancyReceipt, to node: UInt64, _ nowMs: Int64) {
        if node == places.here { return receive(receipt, from: node, nowMs) }
        outgoing[node, default: OccupancyMessage()].receipts.append(receipt)
    }

    private mutating func receive(_ receipt: OccupancyReceipt, from node: UInt64, _ nowMs: Int64) {
        let pair = places.pair(for: receipt.channel)
        if reporter.receive(receipt, from: node, pair) { report(receipt.channel, nowMs) }
    }
}
