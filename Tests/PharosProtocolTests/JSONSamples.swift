import PharosDomain

/// One message of every kind with every field set.
enum JSONSamples {
    static let commands: [Command] = [
        Command(id: 1, request: .connect(connectRequest)),
        Command(id: 2, request: .subscribe(subscribeRequest)),
        Command(id: 3, request: .unsubscribe(channel: "c")),
        Command(id: 4, request: .publish(publishRequest)),
        Command(id: 5, request: .presence(channel: "c")),
        Command(id: 6, request: .presenceStats(channel: "c")),
        Command(id: 7, request: .history(historyRequest)),
        Command(id: 8, request: .ping),
        Command(id: 0, request: .send(data: utf8("1"))),
        Command(id: 9, request: .rpc(method: "m", data: utf8("null"))),
        Command(id: 10, request: .refresh(token: "t")),
        Command(id: .max, request: .subRefresh(subRefreshRequest)),
    ]

    static let replies: [Reply] = [
        Reply(id: 1, result: .error(.tooManyRequests)),
        Reply(id: 2, result: .connect(connectResult)),
        Reply(id: 3, result: .subscribe(subscribeResult)),
        Reply(id: 4, result: .unsubscribe),
        Reply(id: 5, result: .publish),
        Reply(id: 6, result: .presence(["a": client, "\"\n": ClientInfo(user: "", client: "")])),
        Reply(id: 7, result: .presenceStats(clients: 3, users: 2)),
        Reply(
            id: 8,
            result: .history(
                publications: [publication, Publication(data: utf8("null"))], top: StreamPosition(offset: 9, epoch: "e")
            )),
        Reply(id: 9, result: .ping),
        Reply(id: 10, result: .rpc(data: utf8(#"{"r":[]}"#))),
        Reply(id: 11, result: .refresh(refreshResult)),
        Reply(id: .max, result: .subRefresh(expires: true, ttl: .max)),
        Reply(id: 12, result: .connect(ConnectResult())),
        Reply(id: 13, result: .subscribe(SubscribeResult())),
        Reply(id: 14, result: .presence([:])),
        Reply(id: 15, result: .presenceStats(clients: 0, users: 0)),
        Reply(id: 16, result: .history(publications: [], top: StreamPosition())),
        Reply(id: 17, result: .rpc(data: [])),
        Reply(id: 18, result: .refresh(RefreshResult())),
        Reply(id: 19, result: .subRefresh(expires: false, ttl: 0)),
    ]

    static let pushes: [Push] = [
        Push(channel: "c", event: .publication(publication, epoch: "e")),
        Push(channel: "c", event: .publication(Publication(data: utf8("{}")), epoch: "")),
        Push(channel: "c", event: .join(client)),
        Push(channel: "c", event: .leave(ClientInfo(user: "", client: ""))),
        Push(channel: "c", event: .unsubscribe(.insufficientState)),
        Push(channel: "", event: .message(data: utf8("[1]"))),
        Push(channel: "c", event: .subscribe(serverSubscription)),
        Push(channel: "", event: .connect(connectResult)),
        Push(channel: "", event: .disconnect(.shutdown)),
        Push(channel: "", event: .refresh(expires: true, ttl: 60)),
    ]

    static let client = ClientInfo(
        user: "42", client: "id", connectionInfo: utf8(#"{"name":"Ann"}"#), channelInfo: utf8("[null]"))

    static let publication = Publication(
        data: utf8(#"{"text":"a\"b\\c\n😀"}"#), info: client, offset: .max, tags: ["k": "v", "\u{1}": "\u{1F}\"\\"],
        timeMs: 1_700_000_000_123)

    private static var connectRequest: ConnectRequest {
        var request = ConnectRequest()
        request.token = "t"
        request.data = utf8(#"{"a": [1,2]}"#)
        var position = SubscribeRequest()
        position.recover = true
        position.epoch = "e"
        position.offset = 7
        request.subscriptions = ["c": position]
        request.name = "n"
        request.version = "v"
        request.headers = ["h": "x"]
        return request
    }

    private static var subscribeRequest: SubscribeRequest {
        var request = SubscribeRequest(channel: "c")
        request.token = "t"
        request.recover = true
        request.epoch = "e"
        request.offset = .max
        request.data = utf8("\"d\"")
        request.positioned = true
        request.recoverable = true
        request.joinLeave = true
        request.delta = "fossil"
        request.rejectsUnrecovered = true
        request.unsupported = [.tagsFilter, .otherType]
        return request
    }

    private static var publishRequest: PublishRequest {
        var request = PublishRequest()
        request.channel = "c"
        request.data = utf8("[1]")
        request.unsupported = .otherType
        return request
    }

    private static var historyRequest: HistoryRequest {
        var request = HistoryRequest()
        request.channel = "c"
        request.limit = -1
        request.since = StreamPosition(offset: 9, epoch: "e")
        request.reverse = true
        return request
    }

    private static var subRefreshRequest: SubRefreshRequest {
        var request = SubRefreshRequest()
        request.channel = "c"
        request.token = "t"
        request.unsupported = .otherType
        return request
    }

    private static var connectResult: ConnectResult {
        var result = ConnectResult()
        result.client = "id"
        result.version = "pharos 1"
        result.expires = true
        result.ttl = 60
        result.data = utf8("{}")
        result.subscriptions = ["c": subscribeResult, "d": SubscribeResult()]
        result.ping = 25
        result.pong = true
        result.session = "s"
        result.node = "n"
        result.timeMs = -1
        return result
    }

    private static var subscribeResult: SubscribeResult {
        var result = SubscribeResult()
        result.expires = true
        result.ttl = 61
        result.recoverable = true
        result.epoch = "e"
        result.publications = [publication, Publication(data: utf8("2"), offset: 2)]
        result.recovered = true
        result.offset = 18_446_744_073_709_551_614
        result.positioned = true
        result.data = utf8("[]")
        result.wasRecovering = true
        return result
    }

    private static var refreshResult: RefreshResult {
        var result = RefreshResult()
        result.client = "id"
        result.version = "v"
        result.expires = true
        result.ttl = 62
        return result
    }

    private static var serverSubscription: ServerSubscription {
        var subscription = ServerSubscription()
        subscription.recoverable = true
        subscription.epoch = "e"
        subscription.offset = 8
        subscription.positioned = true
        subscription.data = utf8("0")
        return subscription
    }
}
