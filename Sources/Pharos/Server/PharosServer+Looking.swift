import PharosDomain
import PharosProtocol
import PharosServices

extension PharosServer {
    /// How many subscriptions a channel has, those in this process among them.
    ///
    /// Any namespace, whatever its rules.
    public func subscriberCount(of channel: String) async throws(PharosError) -> Int {
        await (try shards()).subscriberCount(of: ChannelName(channel))
    }

    /// The clients in a channel.
    /// - Throws: 108 where presence is not kept.
    public func presence(in channel: String) async throws(PharosError) -> [Member] {
        let members = try await call(APIPresence(channel: ChannelName(channel))).members
        return members.values.map { Member($0) }.sorted { ClientName($0.client) < ClientName($1.client) }
    }

    /// The publications that a channel has kept.
    public struct History: Sendable {
        public let publications: [Publication]
        /// The newest position of the stream.
        public let position: Position
    }

    /// Reads a channel's history.
    ///
    /// - Parameters:
    ///   - position: only what comes after it (before it, if `newestFirst`).
    ///   - limit: 0: the position only; nil: all.
    /// - Throws: 108 without history, 112 for a position of another epoch.
    public func history(
        of channel: String, since position: Position? = nil, limit: Int? = nil, newestFirst: Bool = false
    ) async throws(PharosError) -> History {
        var request = APIHistory()
        request.channel = ChannelName(channel)
        request.since = position?.streamPosition
        request.limit = limit.map { Int32(clamping: max($0, 0)) } ?? -1
        request.reverse = newestFirst
        let read = try await call(request)
        return History(
            publications: read.publications.map {
                Publication(channel: channel, entry: .init(publication: $0, epoch: read.top.epoch, followsGap: false))
            }, position: Position(read.top))
    }

    /// Forgets what a channel has kept; its positions go on.
    public func removeHistory(of channel: String) async throws(PharosError) {
        _ = try await call(APIHistoryRemove(channel: ChannelName(channel)))
    }

    /// One channel, as ``PharosServer/channelInfo(of:)`` tells about it.
    public struct ChannelInfo: Hashable, Sendable {
        /// The newest position of its stream; nil without history.
        public let position: Position?
        /// How many publications it keeps, and for how long; nil without history.
        public let retention: Configuration.ChannelRules.History?
        /// Whether they survive a crash.
        public let isDurable: Bool
        /// Subscriptions, those in this process among them.
        public let subscribers: Int
        /// Clients that are present; nil where presence is not kept.
        public let clients: Int?
        /// Different users of those clients; nil where presence is not kept.
        public let users: Int?
    }

    /// A channel's position, what it keeps, and how many are in it.
    public func channelInfo(of channel: String) async throws(PharosError) -> ChannelInfo {
        let info = try await call(APIChannelInfo(channel: ChannelName(channel)))
        return ChannelInfo(
            position: info.position.map { Position($0) },
            retention: info.retention.map { .init(size: $0.size, lifetime: .seconds($0.ttl)) },
            isDurable: info.retention?.isDurable ?? false, subscribers: info.subscribers,
            clients: info.members.map { Int($0.clients) }, users: info.members.map { Int($0.users) })
    }

    /// The channels with subscribers, and how many each has.
    ///
    /// Names that `String` takes for equal, such as those of two Unicode normalisations, are one entry here.
    /// - Parameter pattern: `*` stands for any run of characters, `?` for one; "": all.
    public func channels(matching pattern: String = "") async throws(PharosError) -> [String: Int] {
        var request = APIChannels()
        request.pattern = pattern
        return Dictionary(try await call(request).channels.map { ($0.key.text, $0.value) }, uniquingKeysWith: +)
    }
}
