import PharosDomain

/// The heads of the streams used last.
///
/// From it an append finds its offset without the database.
///
/// Two generations: what is used moves to the young one; when that is full, the old one is forgotten. So at most `capacity`
/// heads stay between two transactions, and those used last are among them.
struct StreamHeadCache {
    private var young: [ChannelName: StreamHead] = [:]
    private var old: [ChannelName: StreamHead] = [:]
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    var count: Int { young.count + old.count }

    mutating func head(of channel: ChannelName) -> StreamHead? {
        if let head = young[channel] { return head }
        guard let head = old.removeValue(forKey: channel) else { return nil }
        young[channel] = head
        return head
    }

    mutating func insert(_ head: StreamHead) { young[head.channel] = head }

    mutating func remove(_ channel: ChannelName) {
        young[channel] = nil
        old[channel] = nil
    }

    mutating func removeAll() {
        young = [:]
        old = [:]
    }

    /// Between transactions only: heads that are in use must be found again.
    mutating func age() {
        guard young.count > capacity / 2 else { return }
        old = young
        young = [:]
    }
}
