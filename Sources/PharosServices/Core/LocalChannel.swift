import PharosDomain
import PharosEdge
import PharosProtocol

/// A channel as one shard sees it.
///
/// It holds the shard's subscribers, and the position up to which publications were delivered to them.
struct LocalChannel {
    var name: ChannelName
    var topic: UInt32
    /// Reserved and live subscriptions of this shard; at zero the record goes.
    var references = 0
    /// Subscriptions whose stream is still being read.
    ///
    /// Publications are kept for them, not sent.
    var waiting: [(connection: ConnectionID, generation: UInt32)] = []
    /// The position that all live subscribers here have reached; nil: not known yet.
    ///
    /// All of them receive the same sequence.
    var position: StreamPosition?
    /// Subscribers inside the process hear of it.
    var hasReceivers = false
    /// Polls wait here, or may come back: then the record stays.
    var isHeldForPolls = false
    /// The newest payload, kept while there are readers of deltas.
    var deltaBase: DeltaBase?
    var deltaSubscribers = 0
    /// Some of them wait for a whole publication to begin with.
    var hasFreshDeltas = false
    /// How its publications are treated where a subscriber is too slow for them.
    var slowReader = ChannelOptions.SlowReaderPolicy.close
    var conflationTag: TagKey = ""
    /// A number for each value of that tag.
    var conflationKeys: [ConflationKey: UInt32] = [:]

    /// Subscriptions, without what is only kept for polls.
    var subscriberCount: Int { references - (isHeldForPolls ? 1 : 0) }
}

/// The channels with subscribers on this shard, by name and by number.
struct LocalChannels: ~Copyable {
    private var indexByName: [ChannelName: Int] = [:]
    private var channels: SlotTable<LocalChannel>
    private var free: [Int] = []
    private var placeByTopic: [UInt32: Int] = [:]

    init() { channels = SlotTable() }

    var count: Int { indexByName.count }

    func index(of name: ChannelName) -> Int? { indexByName[name] }

    subscript(index: Int) -> LocalChannel {
        unsafeAddress { UnsafePointer(channels.address(of: index)) }
        unsafeMutableAddress { channels.address(of: index) }
    }

    mutating func add(_ channel: LocalChannel) -> Int {
        // Without free places all those below the count are taken.
        let index = free.popLast() ?? channels.count
        channels.insert(channel, at: index)
        indexByName[channel.name] = index
        if channel.slowReader != .close { placeByTopic[channel.topic] = index }
        return index
    }

    mutating func remove(_ index: Int) {
        indexByName[channels[index].name] = nil
        placeByTopic[channels[index].topic] = nil
        channels.remove(at: index)
        free.append(index)
    }

    /// The channel of a topic; only of those whose publications may be dropped.
    func index(ofTopic topic: UInt32) -> Int? { placeByTopic[topic] }

    func forEach(_ body: (LocalChannel) -> Void) {
        for index in indexByName.values { body(channels[index]) }
    }
}
