import PharosDomain
import PharosMemory

/// The channels whose offsets this shard gives: their streams, who is present, and which shards want to hear of them.
///
/// Every channel has one owner, `hash(channel) % shards`. All that changes a channel passes through it, and it tells the
/// shards in the order in which it happened: that is where the order of offsets comes from.
struct ChannelOwner: ~Copyable {
    private var streams: MemoryStreamStore
    private var presence: MemoryPresenceStore
    /// Which shards have subscribers, one bit each.
    private var interest: [ChannelName: UInt64] = [:]
    private var nextExpiryMs: Int64 = 0
    /// What the durable store has confirmed of this shard's channels.
    var cache: StreamCache
    /// Channels that have got their first subscriber or lost their last, until the shard tells of it; empty if nobody asks.
    var changes: [(channel: ChannelName, isOccupied: Bool)] = []
    let notesChanges: Bool
    let settings: ServerSettings

    /// - Parameter notesChanges: whether anybody wants to know of channels that are occupied or vacated.
    init(_ settings: ServerSettings, notesChanges: Bool) {
        self.settings = settings
        self.notesChanges = notesChanges
        streams = MemoryStreamStore()
        presence = MemoryPresenceStore()
        cache = StreamCache(byteLimit: settings.store.cacheSize)
    }

    /// A publication on its way to the shards in `shards`.
    struct Delivery {
        var event: ChannelEvent
        var shards: UInt64
    }

    // MARK: Publishing

    /// Publishes in memory, and says where the publication stands; nil delivery: nobody is to get it.
    mutating func publish(
        _ order: PublishOrder, nowMs: Int64
    ) throws(ReplyError) -> (position: StreamPosition, delivery: Delivery?) {
        let (position, isRepeat) = try streams.publish(append(order, nowMs: nowMs))
        return (position, isRepeat ? nil : delivery(order, at: position))
    }

    /// The order as stores take it.
    ///
    /// - Parameter nowMs: by the clock of the store.
    func append(_ order: PublishOrder, nowMs: Int64) -> StreamAppend {
        var append = StreamAppend(
            channel: order.channel, publication: order.publication, retention: retention(order.options), nowMs: nowMs)
        append.history = !order.options.hasHistory ? .none : order.skipHistory ? .skipped : .kept
        append.idempotencyKey = order.idempotencyKey
        append.idempotencyUntilMs = nowMs + Int64(settings.api.idempotencyWindow * 1_000)
        append.version = order.version
        append.versionEpoch = order.versionEpoch
        return append
    }

    /// Who hears of a publication that was taken.
    func delivery(_ order: PublishOrder, at position: StreamPosition) -> Delivery? {
        var publication = order.publication
        publication.offset = position.offset
        return delivery(order.channel, .publication(publication, epoch: position.epoch, except: order.except))
    }

    func retention(_ options: ChannelOptions) -> StreamRetention { StreamRetention(options, settings.channel) }

    // MARK: Subscribers

    /// Adds a shard's subscriber: from now on the shard hears of the channel. The read is what recovery needs.
    mutating func attach(_ request: AttachRequest, shard: Int, nowMs: Int64) throws(ReplyError) -> StreamRead? {
        enter(request, shard: shard)
        guard request.isPositioned else { return nil }
        let retention = StreamRetention(request.options, settings.channel)
        guard let from = request.recoverFrom else {
            return StreamRead(top: try streams.top(of: request.channel, retention: retention, nowMs: nowMs))
        }
        switch request.recoveryMode {
        case .stream:
            return try streams.read(
                request.channel, after: from.offset, limit: settings.client.recoveryMaxPublicationLimit,
                retention: retention, nowMs: nowMs)
        case .cache:
            return try streams.readBackwards(
                request.channel, before: nil, limit: 1, retention: retention, nowMs: nowMs)
        }
    }

    /// From now on the shard hears of the channel, and the subscriber is present.
    mutating func enter(_ request: AttachRequest, shard: Int) {
        watch(request.channel, shard: shard)
        if request.keepsPresence { presence.add(request.info, to: request.channel) }
    }

    /// From now on the shard hears of the channel.
    mutating func watch(_ channel: ChannelName, shard: Int) {
        if notesChanges, interest[channel] == nil { changes.append((channel, true)) }
        interest[channel, default: 0] |= 1 << UInt64(shard)
    }

    /// Who hears of an event.
    func delivery(_ channel: ChannelName, _ event: ChannelEvent) -> Delivery? {
        guard let shards = interest[channel], shards != 0 else { return nil }
        return Delivery(event: event, shards: shards)
    }

    /// Removes a shard's subscriber; a Leave, if one is due, for those who stay.
    mutating func detach(_ request: DetachRequest, shard: Int) -> Delivery? {
        if request.keepsPresence { presence.remove(client: request.info.client, from: request.channel) }
        if request.isLastOfShard, let shards = interest[request.channel] {
            let left = shards & ~(1 << UInt64(shard))
            interest[request.channel] = left == 0 ? nil : left
            if notesChanges, left == 0 { changes.append((request.channel, false)) }
        }
        return request.emitsLeave ? delivery(request.channel, .leave(request.info)) : nil
    }

    // MARK: Looking

    func members(of channel: ChannelName) -> [ClientName: ClientInfo] { presence.members(of: channel) }

    func stats(of channel: ChannelName) -> (clients: Int, users: Int) { presence.stats(of: channel) }

    mutating func history(
        _ request: HistoryOrder, nowMs: Int64
    ) throws(ReplyError) -> StreamRead {
        let retention = StreamRetention(request.options, settings.channel)
        let top = try streams.top(of: request.channel, retention: retention, nowMs: nowMs)
        if let since = request.since, !since.epoch.isEmpty, since.epoch != top.epoch { throw .unrecoverablePosition }
        guard request.limit != 0 else { return StreamRead(top: top) }
        let limit = request.limit < 0 ? Int.max : Int(request.limit)
        if request.reverse {
            return try streams.readBackwards(
                request.channel, before: request.since?.offset, limit: min(limit, retention.size),
                retention: retention, nowMs: nowMs)
        }
        return try streams.read(
            request.channel, after: request.since?.offset, limit: min(limit, retention.size), retention: retention,
            nowMs: nowMs)
    }

    mutating func position(
        of channel: ChannelName, _ options: ChannelOptions, nowMs: Int64
    ) throws(ReplyError) -> StreamPosition {
        try streams.top(of: channel, retention: StreamRetention(options, settings.channel), nowMs: nowMs)
    }

    mutating func removeHistory(of channel: ChannelName) { streams.removeHistory(of: channel) }

    /// Frees what has outlived its time; reading never shows it anyway, so every few seconds will do.
    mutating func expire(nowMs: Int64) {
        guard nowMs >= nextExpiryMs else { return }
        nextExpiryMs = nowMs + 5_000
        streams.expire(nowMs: nowMs)
    }

    /// What a leak check looks at.
    var heldChannels: (interest: Int, presence: Int) { (interest.count, presence.channelCount) }
}
