/// The answer to the command with the same id.
package struct Reply: Equatable, Sendable {
    package var id: UInt32
    package var result: Result

    package init(id: UInt32, result: Result) {
        self.id = id
        self.result = result
    }

    package enum Result: Equatable, Sendable {
        case error(ReplyError)
        case connect(ConnectResult)
        case subscribe(SubscribeResult)
        case unsubscribe
        case publish
        case presence([ClientName: ClientInfo])
        case presenceStats(clients: UInt32, users: UInt32)
        case history(publications: [Publication], top: StreamPosition)
        case ping
        case rpc(data: [UInt8])
        case refresh(RefreshResult)
        case subRefresh(expires: Bool, ttl: UInt32)
    }
}

package struct ConnectResult: Equatable, Sendable {
    package var client: ClientName = ""
    package var version = ""
    package var expires = false
    /// Seconds.
    package var ttl: UInt32 = 0
    package var data: [UInt8] = []
    package var subscriptions: [ChannelName: SubscribeResult] = [:]
    /// Seconds between server pings; 0 none.
    package var ping: UInt32 = 0
    package var pong = false
    package var session: SessionKey = ""
    package var node: NodeName = ""
    /// Milliseconds since 1970; 0 not sent.
    package var timeMs: Int64 = 0

    package init() {}
}

package struct SubscribeResult: Equatable, Sendable {
    package var expires = false
    /// Seconds.
    package var ttl: UInt32 = 0
    package var recoverable = false
    package var epoch: Epoch = ""
    package var publications: [Publication] = []
    package var recovered = false
    package var offset: UInt64 = 0
    package var positioned = false
    package var data: [UInt8] = []
    package var wasRecovering = false
    /// Publications come as fossil deltas where that is shorter.
    package var delta = false

    package init() {}
}

package struct RefreshResult: Equatable, Sendable {
    package var client: ClientName = ""
    package var version = ""
    package var expires = false
    /// Seconds.
    package var ttl: UInt32 = 0

    package init() {}
}

/// A message that the server sends unasked.
///
/// An empty channel means: to the connection as a whole.
package struct Push: Equatable, Sendable {
    package var channel: ChannelName
    package var event: Event

    package init(channel: ChannelName, event: Event) {
        self.channel = channel
        self.event = event
    }

    package enum Event: Equatable, Sendable {
        /// `epoch` is sent only with a stream's first publication.
        case publication(Publication, epoch: Epoch)
        case join(ClientInfo)
        case leave(ClientInfo)
        case unsubscribe(UnsubscribeReason)
        case message(data: [UInt8])
        /// A server-side subscription began.
        case subscribe(ServerSubscription)
        case connect(ConnectResult)
        case disconnect(Disconnect)
        case refresh(expires: Bool, ttl: UInt32)
    }
}

/// The push that says that the server has subscribed the client.
package struct ServerSubscription: Equatable, Sendable {
    package var recoverable = false
    package var epoch: Epoch = ""
    package var offset: UInt64 = 0
    package var positioned = false
    package var data: [UInt8] = []

    package init() {}
}
