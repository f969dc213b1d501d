import PharosDomain
import PharosEdge

/// A channel as one shard sees it: its subscribers here, and how far they have been told.
struct LocalChannel {
    var name: String
    var topic: UInt32
    /// Reserved and live subscriptions of this shard; at zero the record goes.
    var references = 0
    /// Subscriptions whose stream is still being read: publications are kept for them, not sent.
    var waiting: [(connection: ConnectionID, generation: UInt32)] = []
    /// What all live subscribers here have been told; they all hear the same sequence. nil: nothing known yet.
    var position: StreamPosition?
}

/// The channels with subscribers on this shard, by name and by number.
struct LocalChannels: ~Copyable {
    private var indexByName: [String: Int] = [:]
    private var channels: Places<LocalChannel>
    private var free: [Int] = []

    init() { channels = Places() }

    var count: Int { indexByName.count }

    func index(of name: String) -> Int? { indexByName[name] }

    subscript(index: Int) -> LocalChannel {
        _read { yield channels[index] }
        _modify { yield &channels[index] }
    }

    mutating func add(_ channel: LocalChannel) -> Int {
        // Without free places all those below the count are taken.
        let index = free.popLast() ?? channels.count
        channels.insert(channel, at: index)
        indexByName[channel.name] = index
        return index
    }

    mutating func remove(_ index: Int) {
        indexByName[channels[index].name] = nil
        channels.remove(at: index)
        free.append(index)
    }

    func forEach(_ body: (LocalChannel) -> Void) {
        for index in indexByName.values { body(channels[index]) }
    }
}
