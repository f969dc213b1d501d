package import PharosDomain

/// One call of the server API.
package enum APIRequest: Equatable, Sendable {
    case publish(APIPublish)
    case broadcast(APIBroadcast)
    case subscribe(APISubscribe)
    case unsubscribe(APIUnsubscribe)
    case disconnect(APIDisconnect)
    case refresh(APIRefresh)
    case presence(channel: ChannelName)
    case presenceStats(channel: ChannelName)
    case history(APIHistory)
    case historyRemove(channel: ChannelName)
    case channels(APIChannels)
    case info
    /// `params` is JSON; empty: none were given.
    case rpc(method: MethodName, params: [UInt8])
    /// A command that could not be read is a failure in its place. No command is itself a batch.
    case batch([Result<APIRequest, ReplyError>], parallel: Bool)
    case send(APISend)
    case connections(APIConnections)

    package var method: APIMethod {
        switch self {
        case .publish: .publish
        case .broadcast: .broadcast
        case .subscribe: .subscribe
        case .unsubscribe: .unsubscribe
        case .disconnect: .disconnect
        case .refresh: .refresh
        case .presence: .presence
        case .presenceStats: .presenceStats
        case .history: .history
        case .historyRemove: .historyRemove
        case .channels: .channels
        case .info: .info
        case .rpc: .rpc
        case .batch: .batch
        case .send: .send
        case .connections: .connections
        }
    }

    /// The one channel that it is about; nil: none, or several.
    package var channel: ChannelName? {
        switch self {
        case .publish(let request): request.channel
        case .presence(let channel), .presenceStats(let channel), .historyRemove(let channel): channel
        case .history(let request): request.channel
        case .subscribe(let request): request.channel
        case .broadcast, .unsubscribe, .disconnect, .refresh, .channels, .info, .rpc, .batch, .send, .connections: nil
        }
    }
}

package struct APIPublish: Equatable, Sendable {
    /// Never empty, except in the template of a broadcast.
    package var channel: ChannelName = ""
    package var data: [UInt8] = []
    /// Whether `data` may go to clients that speak JSON.
    package var dataIsJSON = false
    package var skipHistory = false
    package var tags: [TagKey: String] = [:]
    /// Results are kept under this key for a while, and a repeat gets the first result; "" none.
    package var idempotencyKey: IdempotencyKey = ""
    package var delta = false
    /// A version that is not above the stored one suppresses the publication; 0 none.
    package var version: UInt64 = 0
    package var versionEpoch: Epoch = ""
    /// The client that does not get it live: its publisher, for example.
    package var excludeClient: ClientID?

    package init() {}
}

package struct APIBroadcast: Equatable, Sendable {
    /// In the order of the answer's responses; never empty.
    package var channels: [ChannelName] = []
    /// What is published to each of them; its `channel` is empty. Without data every channel answers 107.
    package var template = APIPublish()

    package init() {}
}

package struct APISubscribe: Equatable, Sendable {
    package var channel: ChannelName = ""
    package var user: UserID = ""
    /// "" any connection of the user; the same for `session`.
    package var client: ClientName = ""
    package var session: SessionKey = ""
    package var options = SubscriptionOptions()
    /// Publications after this position are to reach the client.
    package var recoverSince: StreamPosition?

    package init() {}
}

package struct APIUnsubscribe: Equatable, Sendable {
    package var channel: ChannelName = ""
    package var user: UserID = ""
    package var client: ClientName = ""
    package var session: SessionKey = ""
    /// Every subscriber.
    package var all = false
    /// Clients that stay subscribed.
    package var exclude: Set<ClientID> = []

    package init() {}
}

package struct APIDisconnect: Equatable, Sendable {
    package var user: UserID = ""
    package var client: ClientName = ""
    package var session: SessionKey = ""
    /// Every subscriber of it.
    package var channel: ChannelName = ""
    package var all = false
    /// Ids of clients that stay connected; and, under the name that the other methods have for it, more of them.
    package var whitelist: [ClientName] = []
    package var exclude: Set<ClientID> = []
    /// A code that a WebSocket close frame may carry, 3000 to 4999.
    package var disconnect = Disconnect.forceDisconnect

    package init() {}
}

package struct APIRefresh: Equatable, Sendable {
    package var user: UserID = ""
    package var client: ClientName = ""
    package var session: SessionKey = ""
    /// The connection ends now.
    package var expired = false
    /// Seconds since 1970; 0 not given.
    package var expireAt: Int64 = 0
    /// Empty: not given.
    package var info: [UInt8] = []

    package init() {}
}

package struct APIHistory: Equatable, Sendable {
    package var channel: ChannelName = ""
    /// 0: position only. Negative: as many as allowed.
    package var limit: Int32 = 0
    /// Exclusive.
    package var since: StreamPosition?
    package var reverse = false

    package init() {}
}

package struct APIChannels: Equatable, Sendable {
    /// A glob; "" all.
    package var pattern = ""
    /// Channels per page; 0 all.
    package var limit: Int32 = 0
    /// `next_cursor` of the page before; "" the first page.
    package var cursor = ""

    package init() {}
}
