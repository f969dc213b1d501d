/// What a client asks for. The codecs of `PharosProtocol` make these from JSON or protobuf.
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
    /// The command could be told apart from its neighbours and has an id, but its content is not what it has to be: that
    /// is this command's error, and the connection goes on.
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
    /// The same for a plain event stream, whose cursor does not say which channels they are.
    package var positions: PositionVector?
    /// The SDK's name and version, for metrics.
    package var name: SDKName = ""
    package var version = ""
    package var headers: [FieldName: String] = [:]
    package var flag: Int64 = 0

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
    /// Whether a tags filter (`tf`) was sent.
    package var hasTagsFilter = false
    /// 1 channel compaction (declined), 2 reject unrecovered.
    package var flag: Int64 = 0
    /// 0 stream; others are declined.
    package var type: Int32 = 0

    package init() {}

    package init(channel: ChannelName) {
        self.channel = channel
    }

    /// Error 112 instead of `recovered: false`.
    package var rejectsUnrecovered: Bool { flag & 2 != 0 }
}

package struct PublishRequest: Equatable, Sendable {
    package var channel: ChannelName = ""
    package var data: [UInt8] = []
    /// 0 stream, 1 map (declined).
    package var type: Int32 = 0

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
    /// 0 refresh; 1 track and 2 untrack are declined.
    package var type: Int32 = 0

    package init() {}
}
