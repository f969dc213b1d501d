package import PharosDomain

/// A client's commands, short enough for one line of a transcript.
extension Command {
    package static func connect(
        id: UInt32 = 1, token: String = "", _ configure: (inout ConnectRequest) -> Void = { _ in }
    ) -> Command {
        var request = ConnectRequest()
        request.token = token
        configure(&request)
        return Command(id: id, request: .connect(request))
    }

    package static func subscribe(
        id: UInt32, _ channel: ChannelName, token: String = "", _ configure: (inout SubscribeRequest) -> Void = { _ in }
    ) -> Command {
        var request = SubscribeRequest(channel: channel)
        request.token = token
        configure(&request)
        return Command(id: id, request: .subscribe(request))
    }

    /// A subscribe that asks for what came after `position`.
    package static func recover(
        id: UInt32, _ channel: ChannelName, from position: StreamPosition, rejectsUnrecovered: Bool = false
    ) -> Command {
        subscribe(id: id, channel) {
            $0.recover = true
            $0.offset = position.offset
            $0.epoch = position.epoch
            $0.rejectsUnrecovered = rejectsUnrecovered
        }
    }

    package static func unsubscribe(id: UInt32, _ channel: ChannelName) -> Command {
        Command(id: id, request: .unsubscribe(channel: channel))
    }

    package static func publish(id: UInt32, _ channel: ChannelName, _ data: String = "{}") -> Command {
        var request = PublishRequest()
        request.channel = channel
        request.data = Array(data.utf8)
        return Command(id: id, request: .publish(request))
    }

    package static func presence(id: UInt32, _ channel: ChannelName) -> Command {
        Command(id: id, request: .presence(channel: channel))
    }

    package static func presenceStats(id: UInt32, _ channel: ChannelName) -> Command {
        Command(id: id, request: .presenceStats(channel: channel))
    }

    package static func history(
        id: UInt32, _ channel: ChannelName, limit: Int32 = -1, since: StreamPosition? = nil, reverse: Bool = false
    ) -> Command {
        var request = HistoryRequest()
        request.channel = channel
        request.limit = limit
        request.since = since
        request.reverse = reverse
        return Command(id: id, request: .history(request))
    }

    package static func refresh(id: UInt32, token: String) -> Command {
        Command(id: id, request: .refresh(token: token))
    }

    package static func subRefresh(id: UInt32, _ channel: ChannelName, token: String) -> Command {
        var request = SubRefreshRequest()
        request.channel = channel
        request.token = token
        return Command(id: id, request: .subRefresh(request))
    }

    package static let pong = Command(id: 0, request: nil)
}
