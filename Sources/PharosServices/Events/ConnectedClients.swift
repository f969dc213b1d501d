import PharosDomain

/// The connected clients, in buckets by a hash of the client's id.
///
/// A page holds whole runs of one order that never changes, bucket by bucket and by id within each. So a client that is
/// connected all the while is on exactly one page, and finding a page's start costs no more than one bucket.
struct ConnectedClients: Sendable {
    struct Entry: Sendable {
        var user: UserID
        var transport: String
        /// The raw origin; "" a client of our protocol.
        var origin: OriginName
        var connectedAtMs: Int64
        var channels: Set<ChannelName> = []
    }

    private static let bucketCount = 1_024
    private var buckets = [[ClientName: Entry]](repeating: [:], count: bucketCount)

    mutating func apply(_ event: OriginEvent) {
        guard !event.client.isEmpty else { return }
        let bucket = ConnectedClients.bucket(of: event.client)
        switch event.kind {
        case .connected, .rawEstablished:
            buckets[bucket][event.client] = Entry(
                user: event.user, transport: event.transport, origin: event.origin, connectedAtMs: event.atMs)
        case .disconnected, .rawClosed: buckets[bucket][event.client] = nil
        case .subscribed: buckets[bucket][event.client]?.channels.insert(event.channel)
        case .unsubscribed: buckets[bucket][event.client]?.channels.remove(event.channel)
        case .occupied, .vacated: break
        }
    }

    /// - Throws: `ReplyError` for a cursor that is none of ours.
    func page(
        cursor: String, limit: Int, where isWanted: (Entry) -> Bool
    ) throws(ReplyError) -> (clients: [(client: ClientName, entry: Entry)], nextCursor: String) {
        var (bucket, last) = try ConnectedClients.start(cursor)
        var clients: [(client: ClientName, entry: Entry)] = []
        while bucket < buckets.count {
            let found = buckets[bucket].filter { $0.key > last && isWanted($0.value) }.sorted { $0.key < $1.key }
            let room = limit - clients.count
            for (client, entry) in found.prefix(room) { clients.append((client, entry)) }
            if found.count > room { return (clients, "\(bucket)/\(clients.last?.client ?? last)") }
            bucket += 1
            last = ""
            if clients.count == limit, bucket < buckets.count { return (clients, "\(bucket)/") }
        }
        return (clients, "")
    }

    private static func start(_ cursor: String) throws(ReplyError) -> (bucket: Int, last: ClientName) {
        if cursor.isEmpty { return (0, "") }
        guard let slash = cursor.utf8.firstIndex(of: UInt8(ascii: "/")), let bucket = Int(cursor[..<slash]),
            bucket >= 0,
            bucket < bucketCount
        else { throw ReplyError(code: 107, message: "bad request: cursor is not one of this server") }
        return (bucket, ClientName(cursor[cursor.utf8.index(after: slash)...]))
    }

    /// FNV-1a: the same for all time, and quick for short ids.
    ///
    /// The standard library's hash differs from process to process.
    private static func bucket(of client: ClientName) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in client.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return Int(hash % UInt64(bucketCount))
    }
}
