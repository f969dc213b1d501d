/// A command of a client, as the codecs of `PharosProtocol` read it.
package struct Command: Equatable, Sendable {
    /// 0 only for `send` and for the pong, which is a command without a request.
    package var id: UInt32
    package var request: Request?

    package init(id: UInt32, request: Request?) {
        self.id = id
        self.request = request
    }
}

package enum Request: Equatable, Sendable {
    case connect(ConnectRequest)
    case subscribe(SubscribeRequest)
    case unsubscribe(channel: ChannelName)
    case publish(PublishRequest)
    case presence(channel: ChannelName)
    case presenceStats(channel: ChannelName)
    case history(HistoryRequest)
    case ping
    case send(data: [UInt8])
    case rpc(method: MethodName, data: [UInt8])
    case refresh(token: String)
    case subRefresh(SubRefreshRequest)
    /// A command with an id whose content cannot be read.
    ///
    /// That is this command's error, and the connection goes on.
    case malformed(MalformedRequest)
}

package struct MalformedRequest: Equatable, Sendable {
    /// Whether it was to be a `connect`.
    package var isConnect: Bool
    /// Names what is wrong. Never holds a value.
    package var reason: String

    package init(isConnect: Bool, reason: String) {
        self.isConnect = isConnect
        self.reason = reason
    }

    package var error: ReplyError {
        ReplyError(code: ReplyError.badRequest.code, message: "\(ReplyError.badRequest.message): \(reason)")
    }
}

package struct ConnectRequest: Equatable, Sendable {
    package var token = ""
    package var data: [UInt8] = []
    /// Recovery positions of server-side subscriptions, by channel.
    package var subscriptions: [ChannelName: SubscribeRequest] = [:]
    /// The same for a plain event stream, whose cursor does not name the channels.
    package var positions: PositionVector?
    /// The SDK's name and version, for metrics.
    package var name: SDKName = ""
    package var version = ""
    package var headers: [FieldName: String] = [:]

    package init() {}
}

package struct SubscribeRequest: Equatable, Sendable {
    package var channel: ChannelName = ""
    package var token = ""
    package var recover = false
    package var epoch: Epoch = ""
    package var offset: UInt64 = 0
    package var data: [UInt8] = []
    package var positioned = false
    package var recoverable = false
    package var joinLeave = false
    /// Delta type asked for; "" none.
    package var delta: DeltaType = ""
    /// Error 112 instead of `recovered: false`.
    package var rejectsUnrecovered = false
    package var unsupported: UnsupportedWishes = []

    package init() {}

    package init(channel: ChannelName) {
        self.channel = channel
    }
}

/// Parts of a request that the codec understood and this server declines.
package struct UnsupportedWishes: OptionSet, Equatable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Only publications with certain tags are wanted.
    package static let tagsFilter = UnsupportedWishes(rawValue: 1)
    /// Anything other than a stream: a map, or the tracking of keys.
    package static let otherType = UnsupportedWishes(rawValue: 2)
}

package struct PublishRequest: Equatable, Sendable {
    package var channel: ChannelName = ""
    package var data: [UInt8] = []
    package var unsupported: UnsupportedWishes = []

    package init() {}
}

package struct HistoryRequest: Equatable, Sendable {
    package var channel: ChannelName = ""
    /// 0: position only. Negative: as many as allowed.
    package var limit: Int32 = 0
    /// Exclusive.
    package var since: StreamPosition?
    package var reverse = false

    package init() {}
}

package struct SubRefreshRequest: Equatable, Sendable {
    package var channel: ChannelName = ""
    package var token = ""
    package var unsupported: UnsupportedWishes = []

    package init() {}
}
