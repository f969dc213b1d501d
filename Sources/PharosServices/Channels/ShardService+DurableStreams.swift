import PharosDomain
import PharosEdge

/// The channels whose streams live in the durable store: asked for without waiting, answered when the store has answered.
///
/// The store carries out what one shard asks in the order in which it asks, and its answers keep that order. So a subscriber
/// that was added before a publication was stored hears of it live, and one that was added after finds it in what was read.
extension ShardService {
    func isDurable(_ options: ChannelOptions) -> Bool {
        node.durable != nil && options.hasHistory && options.durability != .memory
    }

    private mutating func submit(_ operation: StreamOperation, _ wait: StoreWaits.Wait) {
        // Only channels for which `isDurable` holds come here.
        node.durable?.submit(operation, ticket: storeWaits.add(wait), to: storeReceiver)
    }

    // MARK: Asking

    /// Nobody hears of the publication, and its publisher no success, before the store has taken it.
    ///
    /// One that skips the history goes the same way: the store knows versions and keys, and it keeps the order.
    mutating func store(_ order: PublishOrder, _ reply: CallReply, _ edge: inout Edge) {
        submit(.append(owner.append(order, nowMs: edge.wallMs)), .publish(order, reply))
    }

    mutating func attachDurably(_ attach: WaitingAttach, isFilled: Bool = false, _ edge: inout Edge) {
        let request = attach.request
        let retention = owner.retention(request.options)
        if let read = cachedRead(request, retention, edge) {
            return answerAttach(attach, .success(read), &edge)
        }
        guard isFilled else { return fill(request.channel, retention, for: .attach(attach), edge) }
        let limit = node.settings.client.recoveryMaxPublicationLimit
        let (after, most) = request.recoverFrom.map { ($0.offset, limit) } ?? (UInt64.max, 0)
        submit(
            .read(channel: request.channel, after: after, limit: most, retention: retention, nowMs: edge.wallMs),
            .attach(attach))
    }

    private mutating func cachedRead(
        _ request: AttachRequest, _ retention: StreamRetention, _ edge: borrowing Edge
    ) -> StreamRead? {
        let channel = request.channel
        guard let from = request.recoverFrom else {
            return owner.cache.top(of: channel, nowMs: edge.wallMs).map { StreamRead(top: $0) }
        }
        switch request.recoveryMode {
        case .cache:
            return owner.cache.readBackwards(
                channel, before: nil, limit: 1, retention: retention, nowMs: edge.wallMs)
        case .stream:
            // A position of another epoch, or from the future, is not recovered whatever is read.
            if let top = owner.cache.top(of: channel, nowMs: edge.wallMs),
                from.offset > top.offset || (!from.epoch.isEmpty && from.epoch != top.epoch)
            {
                return StreamRead(top: top)
            }
            return owner.cache.read(
                channel, after: from.offset, limit: node.settings.client.recoveryMaxPublicationLimit,
                retention: retention, nowMs: edge.wallMs)
        }
    }

    mutating func readHistory(
        _ order: HistoryOrder, _ reply: CallReply, isFilled: Bool = false, _ edge: inout Edge
    ) {
        let retention = owner.retention(order.options)
        let limit = min(order.limit < 0 ? Int.max : Int(order.limit), retention.size)
        let (offset, channel) = (order.since?.offset, order.channel)
        let cached =
            order.reverse
            ? owner.cache.readBackwards(
                channel, before: offset, limit: limit, retention: retention, nowMs: edge.wallMs)
            : owner.cache.read(channel, after: offset, limit: limit, retention: retention, nowMs: edge.wallMs)
        if let cached { return historyRead(cached, order, reply, &edge) }
        guard isFilled else { return fill(channel, retention, for: .history(order, reply), edge) }
        let operation: StreamOperation =
            order.reverse
            ? .readBackwards(
                channel: channel, before: offset, limit: limit, retention: retention, nowMs: edge.wallMs)
            : .read(channel: channel, after: offset, limit: limit, retention: retention, nowMs: edge.wallMs)
        submit(operation, .history(order, reply))
    }

    private mutating func historyRead(
        _ read: StreamRead, _ order: HistoryOrder, _ reply: CallReply, _ edge: inout Edge
    ) {
        if let since = order.since, !since.epoch.isEmpty, since.epoch != read.top.epoch {
            return self.reply(.failure(.unrecoverablePosition), to: reply, &edge)
        }
        self.reply(.success(.read(read)), to: reply, &edge)
    }

    mutating func removeStored(_ channel: ChannelName, _ reply: CallReply) {
        submit(.removeHistory(channel: channel), .removeHistory(channel: channel, reply))
    }

    /// Reads the newest publications into the cache, once for all who wait for them.
    private mutating func fill(
        _ channel: ChannelName, _ retention: StreamRetention, for reader: StoreWaits.Reader, _ edge: borrowing Edge
    ) {
        guard storeWaits.add(reader, to: channel) else { return }
        let limit = min(retention.size, max(node.settings.client.recoveryMaxPublicationLimit, 1))
        submit(
            .readBackwards(channel: channel, before: nil, limit: limit, retention: retention, nowMs: edge.wallMs),
            .fill(channel: channel, retention, limit: limit))
    }

    // MARK: Answers

    mutating func stored(_ completion: StreamCompletion, _ edge: inout Edge) {
        guard let wait = storeWaits.take(completion.ticket) else { return }
        switch (wait, completion.result) {
        case (.publish(let order, let reply), .success(.appended(let position, let isRepeat))):
            if !isRepeat { published(order, at: position, &edge) }
            self.reply(.success(.position(position)), to: reply, &edge)
        case (.publish(_, let reply), .failure(let error)):
            counters.storeErrors += 1
            self.reply(.failure(error), to: reply, &edge)
        case (.attach(let attach), .success(.read(let read))): answerAttach(attach, .success(read), &edge)
        case (.attach(let attach), .failure(let error)): answerAttach(attach, .failure(error), &edge)
        case (.history(let order, let reply), .success(.read(let read))): historyRead(read, order, reply, &edge)
        case (.history(_, let reply), .failure(let error)): self.reply(.failure(error), to: reply, &edge)
        case (.removeHistory(let channel, let reply), .success):
            owner.cache.removedHistory(of: channel)
            self.reply(.success(.done), to: reply, &edge)
        case (.removeHistory(_, let reply), .failure(let error)): self.reply(.failure(error), to: reply, &edge)
        case (.fill(let channel, let retention, let limit), let result):
            if case .success(.read(let read)) = result {
                owner.cache.filled(channel, with: read, limit: limit, retention: retention, nowMs: edge.wallMs)
            }
            filled(channel, result, &edge)
        case (.publish(_, let reply), .success), (.history(_, let reply), .success):
            preconditionFailure("the store answered another question than it was asked: \(reply)")
        case (.attach, .success):
            preconditionFailure("the store answered another question than it was asked")
        }
    }

    private mutating func published(_ order: PublishOrder, at position: StreamPosition, _ edge: inout Edge) {
        if !order.skipHistory {
            var publication = order.publication
            publication.offset = position.offset
            owner.cache.appended(
                publication, at: position, to: order.channel, retention: owner.retention(order.options),
                nowMs: edge.wallMs)
        }
        counters.publications += 1
        distribute(owner.delivery(order, at: position), order.channel, &edge)
    }

    private mutating func filled(
        _ channel: ChannelName, _ result: Result<StreamOutcome, ReplyError>, _ edge: inout Edge
    ) {
        for reader in storeWaits.takeReaders(of: channel) {
            switch (reader, result) {
            case (.attach(let attach), .success): attachDurably(attach, isFilled: true, &edge)
            case (.attach(let attach), .failure(let error)): answerAttach(attach, .failure(error), &edge)
            case (.history(let order, let reply), .success): readHistory(order, reply, isFilled: true, &edge)
            case (.history(_, let reply), .failure(let error)): self.reply(.failure(error), to: reply, &edge)
            }
        }
    }
}

/// The store's way back to a shard.
final class ShardStreamReceiver: StreamReceiver {
    private let node: NodeContext
    private let index: Int

    init(node: NodeContext, index: Int) {
        self.node = node
        self.index = index
    }

    func completed(_ completions: [StreamCompletion]) { node.post(.stored(completions), to: index) }
}
