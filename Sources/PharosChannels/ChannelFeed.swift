import PharosDomain

/// The publications of one followed channel whose engine others use as well.
///
/// They are delivered in order, each once, and what a link has lost is fetched. A state machine without IO: reports and
/// answers to fetches go in, deliveries and fetches come out.
struct ChannelFeed {
    /// One consequence of an input; they come in order.
    enum Step {
        case deliver(EngineDelivery)
        /// Ask for the publications after `after`, at most `limit`.
        case fetch(after: UInt64, limit: Int)
        /// The gap cannot be closed.
        ///
        /// Subscribers continue from this position, and have to be told.
        case broken(StreamPosition)
        /// A gap has been closed; so many publications were fetched.
        case repaired(fetched: Int)
        /// Readers that waited for a position can be answered.
        case release
    }

    /// How many publications may wait behind a gap, and be fetched to close it.
    static let repairLimit = 4_096
    /// Fetches in a row that bring nothing before the gap is given up.
    static let attemptLimit = 8

    private struct Repair {
        /// Reports behind the gap.
        var held: [EngineDelivery] = []
        /// Some were not held any more; they are fetched as well.
        var overflowed = false
        var isFetching = true
        var fetched = 0
        var attempts = 0
    }

    /// Everything up to here has been delivered; nil: nothing is known yet.
    private(set) var position: StreamPosition?
    private var repair: Repair?

    var isRepairing: Bool { repair != nil }
    /// Whether a fetch is to be tried again.
    var isWaitingForRetry: Bool { repair.map { !$0.isFetching } ?? false }

    // MARK: Reports

    mutating func reported(_ delivery: EngineDelivery, into steps: inout [Step]) {
        let offset = delivery.publication.offset
        guard offset > 0 else { return steps.append(.deliver(delivery)) }
        if repair != nil { return hold(delivery) }
        guard let position, position.epoch == delivery.epoch else {
            // Subscribers compare the epoch themselves.
            position = StreamPosition(offset: offset, epoch: delivery.epoch)
            return steps.append(.deliver(delivery))
        }
        if offset <= position.offset { return }
        if offset == position.offset + 1 {
            self.position?.offset = offset
            return steps.append(.deliver(delivery))
        }
        repair = Repair()
        hold(delivery)
        steps.append(.fetch(after: position.offset, limit: ChannelFeed.repairLimit))
    }

    private mutating func hold(_ delivery: EngineDelivery) {
        guard repair!.held.count < ChannelFeed.repairLimit else {
            repair!.overflowed = true
            return
        }
        repair!.held.append(delivery)
    }

    /// Something may be missing: the stream is to be read from the last position on.
    mutating func mayHaveGap(into steps: inout [Step]) {
        guard let position, repair == nil else { return }
        repair = Repair()
        steps.append(.fetch(after: position.offset, limit: ChannelFeed.repairLimit))
    }

    // MARK: Other reads

    /// The relation of a read of the stream to what was delivered.
    enum Standing: Equatable {
        /// A reader of it may go on with the reports that follow.
        case current
        /// It shows publications that were not delivered yet: they come first.
        case ahead
        /// It is older than what has been delivered meanwhile.
        case behind
    }

    /// Compares a read of the stream with what was delivered.
    ///
    /// If nothing was, deliveries go on from its position. A stream that ends before `floor` has lost what was delivered.
    mutating func compare(_ top: StreamPosition, floor: UInt64 = 0, into steps: inout [Step]) -> Standing {
        guard repair == nil else { return .ahead }
        guard let position else {
            position = top
            return .current
        }
        if position.epoch != top.epoch || top.offset < floor {
            jump(to: top, into: &steps)
            return .current
        }
        if top.offset <= position.offset { return top.offset == position.offset ? .current : .behind }
        mayHaveGap(into: &steps)
        return .ahead
    }

    // MARK: Repair

    /// The answer to a fetch.
    mutating func fetched(_ read: StreamRead, retention: StreamRetention?, into steps: inout [Step]) {
        guard var repair, let before = position else { return }
        self.repair = nil
        let missing = read.top.offset >= before.offset ? read.top.offset - before.offset : .max
        if read.top.epoch != before.epoch || missing > UInt64(ChannelFeed.repairLimit) {
            jump(to: read.top, into: &steps)
        } else {
            for publication in read.publications where publication.offset > position!.offset {
                // What lies between is not kept any more.
                if publication.offset > position!.offset + 1 {
                    jump(to: StreamPosition(offset: publication.offset - 1, epoch: before.epoch), into: &steps)
                }
                position!.offset = publication.offset
                repair.fetched += 1
                let delivery = EngineDelivery(
                    publication: publication, epoch: before.epoch, retention: retention, except: nil)
                steps.append(.deliver(delivery))
            }
            if read.publications.isEmpty, missing > 0 { jump(to: read.top, into: &steps) }
        }
        goOn(repair, hasMore: position!.offset < read.top.offset, isProgress: position != before, into: &steps)
    }

    private mutating func jump(to position: StreamPosition, into steps: inout [Step]) {
        self.position = position
        steps.append(.broken(position))
    }

    /// Delivers the reports that were held, as far as they follow.
    ///
    /// Fetches again if something is still missing.
    private mutating func goOn(_ ended: Repair, hasMore: Bool, isProgress: Bool, into steps: inout [Step]) {
        var repair = ended
        repair.held = []
        var isGap = hasMore || ended.overflowed
        for delivery in ended.held where delivery.epoch == position!.epoch {
            let offset = delivery.publication.offset
            if offset == position!.offset + 1 {
                position!.offset = offset
                steps.append(.deliver(delivery))
            } else if offset > position!.offset {
                repair.held.append(delivery)
                isGap = true
            }
        }
        guard isGap else { return finish(repair, into: &steps) }
        repair.overflowed = false
        repair.attempts = isProgress ? 0 : repair.attempts + 1
        guard repair.attempts < ChannelFeed.attemptLimit else {
            // The engine does not have what its reports say: subscribers are told by the gap.
            for delivery in repair.held {
                position!.offset = delivery.publication.offset
                steps.append(.deliver(delivery))
            }
            return finish(repair, into: &steps)
        }
        repair.isFetching = true
        self.repair = repair
        steps.append(.fetch(after: position!.offset, limit: ChannelFeed.repairLimit))
    }

    private mutating func finish(_ repair: Repair, into steps: inout [Step]) {
        steps.append(.repaired(fetched: repair.fetched))
        steps.append(.release)
    }

    /// A fetch has failed.
    ///
    /// Subscribers wait, and it is tried again by `retry`.
    mutating func fetchFailed() { repair?.isFetching = false }

    mutating func retry(into steps: inout [Step]) {
        guard let position, isWaitingForRetry else { return }
        repair!.isFetching = true
        steps.append(.fetch(after: position.offset, limit: ChannelFeed.repairLimit))
    }
}
