import PharosBytes
package import PharosDomain

/// One shard's share of the channels: interest, presence, newest publications.
///
/// Every channel has one relay, on shard `hash(channel) % shards`. All events of a channel pass through it, and it sends
/// them to the shards in the order in which they happened: order across shards rests on that. Behind it stands an engine,
/// which numbers and stores; before it are the shards with subscribers. A state machine without IO: requests of shards,
/// reports of the engine and time go in, and what follows is taken out by `takeOutput`.
package struct ChannelRelay: ~Copyable {
    /// The part of the configuration that a relay needs.
    package struct Settings: Sendable {
        package var channel: ChannelSettings
        /// Publications read for one recovery.
        package var recoveryLimit: Int
        /// Bytes of publications kept in memory.
        package var cacheSize: Int
        /// Whether `occupancy` is put out.
        package var notesOccupancy: Bool
        /// The mark of this node in the ids of its clients.
        package var nodeMark: UInt64

        package init(
            channel: ChannelSettings, recoveryLimit: Int, cacheSize: Int, notesOccupancy: Bool, nodeMark: UInt64 = 0
        ) {
            self.nodeMark = nodeMark
            self.channel = channel
            self.recoveryLimit = recoveryLimit
            self.cacheSize = cacheSize
            self.notesOccupancy = notesOccupancy
        }
    }

    /// The relay's counts since it began.
    package struct Counters: Sendable {
        /// Publications that were delivered or stored; repeats are not counted.
        package var publications: UInt64 = 0
        /// Publications that the engine refused.
        package var refusedPublications: UInt64 = 0
        /// Gaps in the reports of followed channels that were found.
        package var gaps: UInt64 = 0
        /// Of those: the ones that were closed; and the publications fetched for it.
        package var repairs: UInt64 = 0
        package var repairedPublications: UInt64 = 0
        /// Of those: the ones that could not be closed; positioned subscribers were told.
        package var brokenFeeds: UInt64 = 0
        /// How often the engine's link was lost.
        package var linksLost: UInt64 = 0
    }

    let settings: Settings
    let engine: any ChannelEngine
    let presence: any PresenceStore
    /// The channels whose events go to shards of this node.
    var interest: [ChannelName: Interest] = [:]
    /// Options of the followed channels, each once.
    ///
    /// They are those of the namespaces, so there are few, and channels are many.
    private var knownOptions: [ChannelOptions] = []
    /// The followed channels of an engine that others use as well.
    var feeds: [ChannelName: ChannelFeed] = [:]
    /// Reads that show more than was delivered; they are answered once that has been.
    var aheadReads: [ChannelName: [AheadRead]] = [:]
    /// Channels with a repair that could not be carried out.
    var failedRepairs: Set<ChannelName> = []
    /// Members of other nodes that subscribers here know of.
    ///
    /// Only of channels where joins and leaves are announced.
    var foreignMembers: [ChannelName: ForeignMembers] = [:]
    /// Publications reported for channels whose reads the engine answers later.
    var cache: StreamCache
    /// Whether the engine's reports are believed to be complete.
    var isLinked = true
    var waits = TicketTable<Wait>()
    /// Readers that wait until the cache of their channel has been filled.
    var readers: [ChannelName: [Reader]] = [:]
    /// Subscribers whose streams are being read, by channel.
    ///
    /// Only those that will be announced as joined.
    var joining: [ChannelName: [ClientName]] = [:]
    var output: [RelayOutput] = []
    package internal(set) var counters = Counters()

    package init(_ settings: Settings, engine: any ChannelEngine, presence: any PresenceStore) {
        self.settings = settings
        self.engine = engine
        self.presence = presence
        cache = StreamCache(byteLimit: settings.cacheSize)
    }

    /// The shards that the events of a channel go to.
    struct Interest {
        /// The shards with subscribers, one bit each.
        var shards: UInt64
        /// Index in `knownOptions`.
        var options: UInt32
    }

    /// A question to the engine or to the presence store that is not answered yet.
    enum Wait {
        case publish(Asker)
        case attach(Attach)
        case history(HistoryOrder, Asker)
        case removeHistory(channel: ChannelName, Asker)
        /// The newest publications of a channel are being read into the cache.
        case fill(Fill)
        case position(channel: ChannelName, shard: Int)
        /// The stream's position is compared with that of the channel's feed.
        ///
        /// `floor` is what the feed had delivered when the question was asked.
        case check(channel: ChannelName, floor: UInt64)
        /// Publications that a followed channel lacks.
        case repair(channel: ChannelName)
        case presence(Asker)
        /// The members of a followed channel are compared with those that are known.
        case members(channel: ChannelName)
    }

    /// A read of a channel's newest publications into the cache.
    struct Fill {
        var channel: ChannelName
        var options: ChannelOptions
        var limit: Int
    }

    /// A read that waits for the cache to be filled, and is tried again afterwards.
    enum Reader {
        case attach(Attach)
        case history(HistoryOrder, Asker)
    }

    /// The receiver of an answer.
    struct Asker {
        var shard: Int
        var ticket: UInt64
    }

    /// A subscriber whose stream is read for it.
    struct Attach {
        var request: AttachRequest
        var tag: SubscriberTag
        var shard: Int
        /// The offset that had been delivered when the read began.
        ///
        /// The subscriber's shard has kept what followed.
        var floor: UInt64 = 0
    }

    // MARK: Input

    /// A shard asks for something.
    package mutating func receive(_ request: RelayRequest, from shard: Int, at now: Moment) {
        switch request {
        case .attach(let request, let tag): attach(Attach(request: request, tag: tag, shard: shard), now)
        case .detach(let request): detach(request, shard, now)
        case .ask(let question, let ticket): ask(question, Asker(shard: shard, ticket: ticket), now)
        case .position(let channel, let options): askPosition(of: channel, options, shard, now)
        }
    }

    /// The engine, or the presence store, has something to report.
    package mutating func collect(at now: Moment) {
        var events: [EngineEvent] = []
        engine.collect(at: now, into: &events)
        handle(events, now)
        var answers: [PresenceAnswer] = []
        presence.collect(into: &answers)
        for answer in answers { answered(answer) }
    }

    /// Frees what has outlived its time; called about once a second.
    package mutating func expire(at now: Moment) {
        engine.expire(at: now)
        retryRepairs(now)
    }

    // MARK: Output

    package var hasOutput: Bool { !output.isEmpty }

    /// Exchanges the output since the last call, in order, for an empty array.
    ///
    /// The memory of that array is used next.
    package mutating func takeOutput(_ batch: inout [RelayOutput]) {
        precondition(batch.isEmpty, "what was taken before has been carried out")
        swap(&batch, &output)
    }

    mutating func answer(_ asker: Asker, _ result: Result<ChannelAnswer, ReplyError>) {
        output.append(.message(.answered(ticket: asker.ticket, result), shard: asker.shard))
    }

    /// Puts an event out for the shards with subscribers.
    mutating func deliver(_ event: ChannelEvent, in channel: ChannelName) {
        guard let shards = interest[channel]?.shards else { return }
        output.append(.event(channel: channel, event, shards: shards))
    }

    // MARK: Interest

    /// From now on events of the channel go to the shard.
    mutating func watch(_ channel: ChannelName, _ options: ChannelOptions, shard: Int, _ now: Moment) {
        guard interest[channel] == nil else {
            interest[channel]!.shards |= 1 << UInt64(shard)
            return
        }
        interest[channel] = Interest(shards: 1 << UInt64(shard), options: index(of: options))
        if engine.isShared {
            feeds[channel] = ChannelFeed()
            if options.joinLeave { compareMembers(of: channel) }
            // Its publications were not reported so far.
            cache.forget(channel)
        }
        submit(.follow(channel: channel, options: options), ticket: 0, now)
        if settings.notesOccupancy { output.append(.occupancy(channel: channel, isOccupied: true)) }
    }

    private mutating func index(of options: ChannelOptions) -> UInt32 {
        if let known = knownOptions.firstIndex(of: options) { return UInt32(known) }
        knownOptions.append(options)
        return UInt32(knownOptions.count - 1)
    }

    mutating func unwatch(_ channel: ChannelName, shard: Int, _ now: Moment) {
        guard interest[channel] != nil else { return }
        interest[channel]!.shards &= ~(1 << UInt64(shard))
        guard interest[channel]!.shards == 0 else { return }
        interest[channel] = nil
        if engine.isShared { endFeed(of: channel, now) }
        submit(.unfollow(channel: channel), ticket: 0, now)
        if settings.notesOccupancy { output.append(.occupancy(channel: channel, isOccupied: false)) }
    }

    /// The counts of channels that a leak check looks at.
    package var heldChannels: (interest: Int, presence: Int) { (interest.count, presence.channelCount) }

    // MARK: Engine

    func retention(_ options: ChannelOptions) -> StreamRetention { StreamRetention(options, settings.channel) }

    mutating func submit(_ request: EngineRequest, _ wait: Wait, _ now: Moment) {
        submit(request, ticket: waits.add(wait), now)
    }

    mutating func submit(_ request: EngineRequest, ticket: UInt64, _ now: Moment) {
        var events: [EngineEvent] = []
        engine.submit(request, ticket: ticket, at: now, into: &events)
        handle(events, now)
    }

    private mutating func handle(_ events: [EngineEvent], _ now: Moment) {
        for event in events {
            switch event {
            case .completed(let ticket, let result): completed(ticket, result, now)
            case .publication(let channel, let delivery): reported(delivery, in: channel, now)
            case .member(let channel, let change): memberReported(change, in: channel)
            case .gap(let channel):
                mayHaveGap(channel, now)
                // A member's coming or going may have been missed as well.
                if foreignMembers[channel] != nil { compareMembers(of: channel) }
            case .linkLost: linkLost()
            case .linkRegained: linkRegained(now)
            }
        }
    }

    mutating func published(_ delivery: EngineDelivery, in channel: ChannelName, _ now: Moment) {
        counters.publications += 1
        let publication = delivery.publication
        if let retention = delivery.retention, isLinked {
            cache.appended(
                publication, at: StreamPosition(offset: publication.offset, epoch: delivery.epoch), to: channel,
                retention: retention, nowMs: now.wallMs)
        }
        deliver(.publication(publication, epoch: delivery.epoch, except: delivery.except), in: channel)
    }

    func options(of channel: ChannelName) -> ChannelOptions? {
        interest[channel].map { knownOptions[Int($0.options)] }
    }

    private mutating func completed(_ ticket: UInt64, _ result: Result<EngineOutcome, ReplyError>, _ now: Moment) {
        guard let wait = waits.take(ticket) else { return }
        switch (wait, result) {
        case (.publish(let asker), .success(.position(let position))): answer(asker, .success(.position(position)))
        case (.publish(let asker), .failure(let error)):
            counters.refusedPublications += 1
            answer(asker, .failure(error))
        case (.removeHistory(let channel, let asker), .success):
            cache.removedHistory(of: channel)
            answer(asker, .success(.done))
        case (.removeHistory(_, let asker), .failure(let error)): answer(asker, .failure(error))
        case (.position(let channel, let shard), .success(.read(let read))):
            output.append(.message(.position(channel: channel, read.top), shard: shard))
        case (.check(let channel, let floor), .success(.read(let read))): checked(channel, read.top, floor: floor, now)
        case (.repair(let channel), .success(.read(let read))): fetched(read, of: channel, now)
        case (.repair(let channel), .failure(let error)): repairFailed(channel, error, now)
        case (.position, .failure), (.check, .failure):
            // Nothing is claimed; the next look at positions asks again.
            break
        case (_, .success(.read(let read))): completedRead(read, wait, now)
        case (_, .failure(let error)): failRead(wait, error, now)
        case (_, .success): preconditionFailure("the engine answered another question than it was asked")
        }
    }
}
