import PharosBytes
import PharosDomain
import PharosProtocol

/// Values that use every field there is, and short cuts to the codec.
enum ProtobufSamples {
    static func commands(_ frame: [UInt8]) throws -> [Command] {
        var commands: [Command] = []
        try frame.withUnsafeBytes { bytes in try ProtobufCommandDecoder.decode(bytes, into: &commands) }
        return commands
    }

    static func messages(_ frame: [UInt8]) throws -> [ServerMessage] {
        try frame.withUnsafeBytes { bytes in try ProtobufReplyDecoder.decode(bytes) }
    }

    static func encode(_ command: Command) -> [UInt8] {
        var writer = ByteWriter(capacity: 16)
        ProtobufCommandEncoder.encode(command, into: &writer)
        return writer.array
    }

    static func encode(_ message: ServerMessage) -> [UInt8] {
        var writer = ByteWriter(capacity: 16)
        switch message {
        case .ping: ProtobufReplyEncoder.encodePing(into: &writer)
        case .reply(let reply): ProtobufReplyEncoder.encode(reply, into: &writer)
        case .push(let push): ProtobufReplyEncoder.encode(push, into: &writer)
        }
        return writer.array
    }

    /// Bytes from hexadecimal digits; blanks are for the reader.
    static func hex(_ text: String) -> [UInt8] {
        let digits = text.filter { $0 != " " }.map { UInt8(String($0), radix: 16)! }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// `content` with its length before it.
    static func framed(_ content: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.appendVarint(UInt64(content.count))
        return writer.array + content
    }

    static var fullConnect: ConnectRequest {
        var request = ConnectRequest()
        request.token = "token"
        request.data = Array(#"{"a":1}"#.utf8)
        request.subscriptions = ["news": fullSubscribe, "empty": SubscribeRequest()]
        request.name = "js"
        request.version = "5.0"
        request.headers = ["x-one": "1", "x-two": "", "": "nameless"]
        return request
    }

    static var fullSubscribe: SubscribeRequest {
        var request = SubscribeRequest(channel: "news")
        request.token = "t"
        request.recover = true
        request.epoch = "x7Qp"
        request.offset = .max
        request.data = [0, 255, 10]
        request.positioned = true
        request.recoverable = true
        request.joinLeave = true
        request.delta = "fossil"
        request.rejectsUnrecovered = true
        request.unsupported = [.tagsFilter, .otherType]
        return request
    }

    static let requests: [Request] = {
        var publish = PublishRequest()
        publish.channel = "news"
        publish.data = Array(repeating: 0x41, count: 70_000)
        publish.unsupported = .otherType
        var history = HistoryRequest()
        history.channel = "news"
        history.limit = -1
        history.since = StreamPosition(offset: 300, epoch: "e")
        history.reverse = true
        var historyFromStart = HistoryRequest()
        historyFromStart.since = StreamPosition()
        var subRefresh = SubRefreshRequest()
        subRefresh.channel = "news"
        subRefresh.token = "t"
        subRefresh.unsupported = .otherType
        return [
            .connect(fullConnect), .connect(ConnectRequest()), .subscribe(fullSubscribe),
            .subscribe(SubscribeRequest()), .unsubscribe(channel: "日本:ж"), .unsubscribe(channel: ""),
            .publish(publish), .publish(PublishRequest()), .presence(channel: "c"), .presenceStats(channel: "c"),
            .history(history), .history(historyFromStart), .history(HistoryRequest()), .ping, .send(data: [1, 2, 3]),
            .send(data: []), .rpc(method: "sum", data: [0]), .rpc(method: "", data: []), .refresh(token: "t"),
            .subRefresh(subRefresh), .subRefresh(SubRefreshRequest()),
        ]
    }()

    static let info = ClientInfo(user: "42", client: "c-1", connectionInfo: [123, 125], channelInfo: [91, 93])

    static let publication = Publication(
        data: Array(repeating: 0x7a, count: 200), info: info, offset: 41, tags: ["b": "2", "a": "", "": "x"],
        timeMs: 1_700_000_000_000)

    static var fullSubscribeResult: SubscribeResult {
        var result = SubscribeResult()
        result.expires = true
        result.ttl = .max
        result.recoverable = true
        result.epoch = "x7Qp"
        result.publications = [publication, Publication(data: []), publication]
        result.recovered = true
        result.offset = 43
        result.positioned = true
        result.data = [1]
        result.wasRecovering = true
        return result
    }

    static var fullConnectResult: ConnectResult {
        var result = ConnectResult()
        result.client = "3f0c"
        result.version = "pharos 1"
        result.expires = true
        result.ttl = 60
        result.data = [9, 9]
        result.subscriptions = ["a": fullSubscribeResult, "b": SubscribeResult()]
        result.ping = 25
        result.pong = true
        result.session = "s"
        result.node = "n"
        result.timeMs = -1
        return result
    }

    static let results: [Reply.Result] = {
        var refresh = RefreshResult()
        refresh.client = "3f0c"
        refresh.version = "1"
        refresh.expires = true
        refresh.ttl = 3600
        return [
            .error(.permissionDenied), .error(.internalError), .error(ReplyError(code: 0, message: "")),
            .connect(fullConnectResult), .connect(ConnectResult()), .subscribe(fullSubscribeResult),
            .subscribe(SubscribeResult()), .unsubscribe, .publish, .presence([:]),
            .presence(["c-1": info, "c-2": ClientInfo(user: "", client: "")]), .presenceStats(clients: 300, users: 2),
            .history(publications: [publication, publication], top: StreamPosition(offset: 41, epoch: "e")),
            .history(publications: [], top: StreamPosition()), .ping, .rpc(data: [1, 0]), .refresh(refresh),
            .refresh(RefreshResult()), .subRefresh(expires: true, ttl: 10),
        ]
    }()

    static let events: [Push.Event] = {
        var subscription = ServerSubscription()
        subscription.recoverable = true
        subscription.epoch = "e"
        subscription.offset = 7
        subscription.positioned = true
        subscription.data = [5]
        return [
            .publication(publication, epoch: "e"), .publication(Publication(data: []), epoch: ""), .join(info),
            .leave(ClientInfo(user: "", client: "")), .unsubscribe(.insufficientState), .message(data: [1]),
            .subscribe(subscription), .subscribe(ServerSubscription()), .connect(fullConnectResult),
            .disconnect(.shutdown), .refresh(expires: true, ttl: 1),
        ]
    }()

    static let messages: [ServerMessage] =
        [.ping] + results.map { .reply(Reply(id: 7, result: $0)) }
        + events.flatMap { [.push(Push(channel: "news", event: $0)), .push(Push(channel: "", event: $0))] }
}
