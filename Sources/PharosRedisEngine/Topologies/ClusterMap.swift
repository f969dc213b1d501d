import PharosLinks
import PharosRedis

/// The masters of a cluster, by the tags of channels.
struct ClusterMap: Equatable {
    /// Nil: a slot that no master has.
    private(set) var addresses = [LinkAddress?](repeating: nil, count: RedisNames.tagCount)

    init() {}

    /// Reads the reply to CLUSTER SLOTS; nil if it is none.
    ///
    /// - Parameter host: of the server that answered, which may not know its own name.
    init?(_ reply: RESPValue, host: String) {
        guard let ranges = try? reply.elements() else { return nil }
        for range in ranges {
            guard let parts = try? range.elements(), parts.count >= 3, let first = try? parts[0].integer(),
                let last = try? parts[1].integer(), let node = try? parts[2].elements(), node.count >= 2, first <= last,
                let port = (try? node[1].integer()).flatMap({ UInt16(exactly: $0) })
            else { return nil }
            let known = (try? node[0].bytesOrNil()).flatMap { $0 }.map { String(decoding: $0, as: UTF8.self) } ?? ""
            let address = LinkAddress(host: known.isEmpty || known == "?" ? host : known, port: port)
            for tag in 0..<RedisNames.tagCount where (first...last).contains(Int64(RedisNames.slot(ofTag: tag))) {
                addresses[tag] = address
            }
        }
    }

    /// Notes that a master has a slot from now on; returns whether that is new.
    mutating func move(slot: Int, to address: LinkAddress) -> Bool {
        var isNew = false
        for tag in 0..<RedisNames.tagCount where RedisNames.slot(ofTag: tag) == slot && addresses[tag] != address {
            addresses[tag] = address
            isNew = true
        }
        return isNew
    }

    subscript(tag: Int) -> LinkAddress? { addresses[tag] }

    /// The masters that have tags, each once, in the order of their tags.
    var masters: [LinkAddress] {
        var seen: Set<LinkAddress> = []
        return addresses.compactMap { $0 }.filter { seen.insert($0).inserted }
    }

    /// A tag of a master.
    func tag(of address: LinkAddress) -> Int? { addresses.firstIndex { $0 == address } }
}
