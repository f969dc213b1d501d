import PharosDomain

/// Followed channels of a shared engine.
///
/// Reports are delivered in order, and reads fit between them.
///
/// A subscriber that is added, or a cache that is filled, goes on with the reports that follow. So a read is answered only
/// when what it shows has been delivered: one that shows more waits until the rest is fetched. One that shows less is fit
/// for those that keep what is reported meanwhile.
extension ChannelRelay {
    /// A read that shows more than was delivered.
    struct AheadRead {
        var read: StreamRead
        var wait: Wait
    }

    /// Whether the newest publications of a channel are kept here.
    ///
    /// A copy of a channel that is not followed would not learn what others publish.
    func keepsCopy(of channel: ChannelName) -> Bool { !engine.isShared || feeds[channel] != nil }

    /// Whether a reader may know more of a channel than was reported here.
    ///
    /// It may come from another node: then the engine is asked, whatever the copy says.
    mutating func knowsMore(_ position: StreamPosition, _ channel: ChannelName, _ now: Moment) -> Bool {
        guard engine.isShared, let top = cache.top(of: channel, nowMs: now.wallMs) else { return false }
        return position.offset > top.offset || (!position.epoch.isEmpty && position.epoch != top.epoch)
    }

    /// Whether the copy of a channel may be answered from.
    func believesCache(of channel: ChannelName) -> Bool {
        guard engine.isShared else { return isLinked }
        return isLinked && feeds[channel].map { !$0.isRepairing } ?? false
    }

    // MARK: Reports

    mutating func reported(_ delivery: EngineDelivery, in channel: ChannelName, _ now: Moment) {
        guard engine.isShared else { return published(delivery, in: channel, now) }
        change(channel, now) { $0.reported(delivery, into: &$1) }
    }

    mutating func mayHaveGap(_ channel: ChannelName, _ now: Moment) {
        cache.forget(channel)
        change(channel, now) { $0.mayHaveGap(into: &$1) }
    }

    mutating func linkLost() {
        counters.linksLost += 1
        isLinked = false
    }

    mutating func linkRegained(_ now: Moment) {
        isLinked = true
        cache.forgetAll()
        for channel in Array(feeds.keys) { mayHaveGap(channel, now) }
        retryRepairs(now)
        for channel in Array(foreignMembers.keys) { compareMembers(of: channel) }
    }

    /// The last subscriber has gone: reports are wanted no more.
    mutating func endFeed(of channel: ChannelName, _ now: Moment) {
        feeds[channel] = nil
        foreignMembers[channel] = nil
        failedRepairs.remove(channel)
        cache.forget(channel)
        for ahead in aheadReads.removeValue(forKey: channel) ?? [] { answerRead(ahead.read, ahead.wait, now) }
    }

    private mutating func change(
        _ channel: ChannelName, _ now: Moment, _ body: (inout ChannelFeed, inout [ChannelFeed.Step]) -> Void
    ) {
        guard let index = feeds.index(forKey: channel) else { return }
        var steps: [ChannelFeed.Step] = []
        body(&feeds.values[index], &steps)
        for step in steps { carryOut(step, in: channel, now) }
    }

    private mutating func carryOut(_ step: ChannelFeed.Step, in channel: ChannelName, _ now: Moment) {
        switch step {
        case .deliver(let delivery): published(delivery, in: channel, now)
        case .fetch(let after, let limit):
            counters.gaps += 1
            guard let options = options(of: channel) else { return }
            submit(
                .read(channel: channel, options: options, after: after, limit: limit, floor: after),
                .repair(channel: channel), now)
        case .broken(let position):
            counters.brokenFeeds += 1
            cache.forget(channel)
            tellPosition(position, of: channel)
        case .repaired(let fetched):
            if fetched > 0 { counters.repairs += 1 }
            counters.repairedPublications += UInt64(fetched)
        case .release:
            for ahead in aheadReads.removeValue(forKey: channel) ?? [] { completedRead(ahead.read, ahead.wait, now) }
        }
    }

    private mutating func tellPosition(_ position: StreamPosition, of channel: ChannelName) {
        for shard in 0..<64 where (interest[channel]?.shards ?? 0) & 1 << UInt64(shard) != 0 {
            output.append(.message(.position(channel: channel, position), shard: shard))
        }
    }

    // MARK: Repair

    mutating func fetched(_ read: StreamRead, of channel: ChannelName, _ now: Moment) {
        let retention = options(of: channel).map { self.retention($0) }
        change(channel, now) { $0.fetched(read, retention: retention, into: &$1) }
    }

    /// Subscribers wait until it succeeds; readers are refused for now.
    mutating func repairFailed(_ channel: ChannelName, _ error: ReplyError, _ now: Moment) {
        guard feeds[channel] != nil else { return }
        feeds[channel]!.fetchFailed()
        failedRepairs.insert(channel)
        for ahead in aheadReads.removeValue(forKey: channel) ?? [] { failRead(ahead.wait, error, now) }
    }

    mutating func retryRepairs(_ now: Moment) {
        guard isLinked, !failedRepairs.isEmpty else { return }
        let failed = failedRepairs
        failedRepairs = []
        for channel in failed { change(channel, now) { $0.retry(into: &$1) } }
    }

    // MARK: Positions

    /// The offset up to which a followed channel has been delivered; 0: not known.
    ///
    /// No read may be older than that.
    func deliveredOffset(of channel: ChannelName) -> UInt64 { feeds[channel]?.position?.offset ?? 0 }

    /// Asks the engine whether anything is missing at the end of the channel.
    mutating func check(_ channel: ChannelName, _ options: ChannelOptions, _ now: Moment) {
        guard isLinked, let feed = feeds[channel], !feed.isRepairing else { return }
        let floor = deliveredOffset(of: channel)
        submit(
            .read(channel: channel, options: options, after: .max, limit: 0, floor: floor),
            .check(channel: channel, floor: floor), now)
    }

    mutating func checked(_ channel: ChannelName, _ top: StreamPosition, floor: UInt64, _ now: Moment) {
        switch compare(top, of: channel, floor: floor, now) {
        case .current: tellPosition(top, of: channel)
        case .ahead, .behind: break
        }
    }

    /// Compares a read with what was delivered.
    ///
    /// - Parameter floor: what had been delivered when it was asked for. A stream that ends before has lost something.
    private mutating func compare(
        _ top: StreamPosition, of channel: ChannelName, floor: UInt64, _ now: Moment
    ) -> ChannelFeed.Standing {
        var standing = ChannelFeed.Standing.current
        change(channel, now) { standing = $0.compare(top, floor: floor, into: &$1) }
        return standing
    }

    // MARK: Reads

    /// A read has come.
    ///
    /// Its reader is answered now, or once what it shows has been delivered.
    mutating func completedRead(_ read: StreamRead, _ wait: Wait, _ now: Moment) {
        guard let channel = wait.channel, feeds[channel] != nil else { return answerRead(read, wait, now) }
        var floor: UInt64 = 0
        if case .attach(let attach) = wait { floor = attach.floor }
        switch compare(read.top, of: channel, floor: floor, now) {
        case .current: answerRead(read, wait, now)
        case .ahead: aheadReads[channel, default: []].append(AheadRead(read: read, wait: wait))
        case .behind:
            // Publications were reported meanwhile. A subscriber's shard has kept them; a copy would lack them.
            if case .fill(let fill) = wait { filled(fill.channel, nil, now) } else { answerRead(read, wait, now) }
        }
    }

    private mutating func answerRead(_ read: StreamRead, _ wait: Wait, _ now: Moment) {
        switch wait {
        case .attach(let attach): answer(attach, .success(read), now)
        case .history(let order, let asker): historyRead(read, order, asker)
        case .fill(let fill): filled(fill, with: read, now)
        default: preconditionFailure("the engine answered another question than it was asked")
        }
    }

    mutating func failRead(_ wait: Wait, _ error: ReplyError, _ now: Moment) {
        switch wait {
        case .attach(let attach): answer(attach, .failure(error), now)
        case .history(_, let asker): answer(asker, .failure(error))
        case .fill(let fill): filled(fill.channel, error, now)
        default: preconditionFailure("the engine answered another question than it was asked")
        }
    }
}

extension ChannelRelay.Wait {
    /// The channel whose stream is being read for a reader.
    fileprivate var channel: ChannelName? {
        switch self {
        case .attach(let attach): attach.request.channel
        case .history(let order, _): order.channel
        case .fill(let fill): fill.channel
        default: nil
        }
    }
}
