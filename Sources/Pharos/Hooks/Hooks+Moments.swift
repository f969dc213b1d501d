package import PharosDomain
import PharosServices

extension PharosServer.Hooks {
    /// Something that has happened.
    public struct Moment: Hashable, Sendable {
        /// The connection's id; "" for what happens to channels.
        public let client: String
        /// "" anonymous.
        public let user: String
        /// "" for what happens to connections.
        public let channel: String
        public let transport: String
        /// The data that a decision left with the connection.
        public let meta: [UInt8]
        /// Milliseconds since 1970.
        public let timeMs: Int64
        /// The code that the client got, or 0 when it went by itself.
        ///
        /// 1: with its connection.
        public let code: UInt32
        public let reason: String
        /// Publications that a slow client did not get.
        public let dropped: Int

        package init(_ event: OriginEvent, dropped: Int = 0) {
            client = event.client.text
            user = event.user.text
            channel = event.channel.text
            transport = event.transport
            meta = event.meta
            timeMs = event.atMs
            code = event.code
            reason = event.reason
            self.dropped = dropped
        }
    }

    enum MomentKind: Hashable, Sendable {
        case connected, disconnected, subscribed, unsubscribed, kicked, lagging, occupied, vacated
    }

    /// A client's connect was answered.
    public mutating func connected(_ body: @escaping @Sendable (Moment) async -> Void) { moments[.connected] = body }

    /// A connection has gone, for whatever reason; the last moment of each.
    public mutating func disconnected(_ body: @escaping @Sendable (Moment) async -> Void) {
        moments[.disconnected] = body
    }

    public mutating func subscribed(_ body: @escaping @Sendable (Moment) async -> Void) { moments[.subscribed] = body }

    /// A subscription has ended.
    ///
    /// At the end of a connection it is called once for every channel, before `disconnected`.
    public mutating func unsubscribed(_ body: @escaping @Sendable (Moment) async -> Void) {
        moments[.unsubscribed] = body
    }

    /// The server has ended a subscription or a connection for good.
    ///
    /// For a subscription, `channel` is set. The cause is a call, a hook, or a rule that the client broke. It is called
    /// just before `unsubscribed` or `disconnected`.
    public mutating func kicked(_ body: @escaping @Sendable (Moment) async -> Void) { moments[.kicked] = body }

    /// A client could not keep up.
    ///
    /// Publications were dropped for it (`dropped`, in `channel`), or its connection ended, since it read too slowly
    /// (codes 3008, 3009) or sent faster than it could be served (3013).
    public mutating func lagging(_ body: @escaping @Sendable (Moment) async -> Void) { moments[.lagging] = body }

    /// A channel has its first subscriber.
    public mutating func occupied(_ body: @escaping @Sendable (Moment) async -> Void) { moments[.occupied] = body }

    /// A channel's last subscriber has left.
    public mutating func vacated(_ body: @escaping @Sendable (Moment) async -> Void) { moments[.vacated] = body }
}
