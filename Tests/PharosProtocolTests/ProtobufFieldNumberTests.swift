import PharosDomain
import PharosProtocol
import Testing

/// Field numbers against bytes written by hand.
///
/// A codec that only agrees with itself would pass every round trip.
@Suite("Protobuf: field numbers")
struct ProtobufFieldNumberTests {
    private typealias Samples = ProtobufSamples

    /// A command with id 1 and `payload` as field `number`.
    private func request(_ number: UInt8, _ payload: String) throws -> Request? {
        let payload = Samples.hex(payload)
        let content = [0x08, 0x01, number << 3 | 2] + Samples.framed(payload)
        let command = try Samples.commands(Samples.framed(content)).first
        #expect(command?.id == 1)
        if let command {
            // A message that was read is written the same way.
            #expect(Samples.encode(command) == Samples.framed(content))
        }
        return command?.request
    }

    private func result(_ number: UInt8, _ payload: String) throws -> Reply.Result? {
        let content = [0x08, 0x01, number << 3 | 2] + Samples.framed(Samples.hex(payload))
        let message = try Samples.messages(Samples.framed(content)).first
        if let message { #expect(Samples.encode(message) == Samples.framed(content)) }
        guard case .reply(let reply) = message else { return nil }
        return reply.result
    }

    private func event(_ number: UInt8, _ payload: String) throws -> Push.Event? {
        let push = Samples.hex("12 01 63") + [number << 3 | 2] + Samples.framed(Samples.hex(payload))
        let content = [0x22] + Samples.framed(push)
        let message = try Samples.messages(Samples.framed(content)).first
        if let message { #expect(Samples.encode(message) == Samples.framed(content)) }
        guard case .push(let push) = message else { return nil }
        #expect(push.channel == "c")
        return push.event
    }

    @Test("connect: token, data, subs, name, version, headers")
    func connect() throws {
        var expected = ConnectRequest()
        expected.token = "t"
        expected.data = [0x7b, 0x7d]
        var subscription = SubscribeRequest()
        subscription.recover = true
        subscription.offset = 5
        expected.subscriptions = ["c": subscription]
        expected.name = "js"
        expected.version = "1"
        expected.headers = ["k": "v"]
        let bytes = "0a0174 12027b7d 1a09 0a0163 1204 1801 3805 22026a73 2a0131 3206 0a016b 120176"
        #expect(try request(4, bytes) == .connect(expected))
    }

    @Test("subscribe: all fields from channel to type")
    func subscribe() throws {
        var expected = SubscribeRequest(channel: "c")
        expected.token = "t"
        expected.recover = true
        expected.epoch = "e"
        expected.offset = 300
        expected.data = [0xff]
        expected.positioned = true
        expected.recoverable = true
        expected.joinLeave = true
        expected.delta = "d"
        expected.unsupported = [.tagsFilter, .otherType]
        expected.rejectsUnrecovered = true
        let bytes = "0a0163 120174 1801 320165 38ac02 4201ff 4801 5001 5801 620164 6a00 7002 7801"
        #expect(try request(5, bytes) == .subscribe(expected))
    }

    @Test("the other requests")
    func requests() throws {
        #expect(try request(6, "0a0163") == .unsubscribe(channel: "c"))
        var publish = PublishRequest()
        publish.channel = "c"
        publish.data = [0]
        publish.unsupported = .otherType
        #expect(try request(7, "0a0163 120100 1801") == .publish(publish))
        #expect(try request(8, "0a0163") == .presence(channel: "c"))
        #expect(try request(9, "0a0163") == .presenceStats(channel: "c"))
        var history = HistoryRequest()
        history.channel = "c"
        history.limit = 10
        history.since = StreamPosition(offset: 2, epoch: "e")
        history.reverse = true
        #expect(try request(10, "0a0163 380a 4205 0802 120165 4801") == .history(history))
        #expect(try request(11, "") == .ping)
        #expect(try request(12, "0a0101") == .send(data: [1]))
        #expect(try request(13, "0a0101 12016d") == .rpc(method: "m", data: [1]))
        #expect(try request(14, "0a0174") == .refresh(token: "t"))
        var subRefresh = SubRefreshRequest()
        subRefresh.channel = "c"
        subRefresh.token = "t"
        subRefresh.unsupported = .otherType
        #expect(try request(15, "0a0163 120174 1801") == .subRefresh(subRefresh))
    }

    @Test("results: in Reply the numbers from connect to ping are one more than in Command")
    func results() throws {
        #expect(try result(2, "0864 120165 1801") == .error(ReplyError(code: 100, message: "e", isTemporary: true)))
        var connect = ConnectResult()
        connect.client = "c"
        connect.version = "v"
        connect.expires = true
        connect.ttl = 2
        connect.data = [1]
        connect.subscriptions = ["s": SubscribeResult()]
        connect.ping = 25
        connect.pong = true
        connect.session = "s"
        connect.node = "n"
        connect.timeMs = 128
        let connectBytes = "0a0163 120176 1801 2002 2a0101 3205 0a0173 1200 3819 4001 4a0173 52016e 588001"
        #expect(try result(5, connectBytes) == .connect(connect))
        var subscribe = SubscribeResult()
        subscribe.expires = true
        subscribe.ttl = 1
        subscribe.recoverable = true
        subscribe.epoch = "e"
        subscribe.publications = [Publication(data: [9], offset: 4)]
        subscribe.recovered = true
        subscribe.offset = 4
        subscribe.positioned = true
        subscribe.data = [7]
        subscribe.wasRecovering = true
        let subscribeBytes = "0801 1001 1801 320165 3a05 220109 3004 4001 4804 5001 5a0107 6001"
        #expect(try result(6, subscribeBytes) == .subscribe(subscribe))
        #expect(try result(7, "") == .unsubscribe)
        #expect(try result(8, "") == .publish)
        let info = ClientInfo(user: "u", client: "c", connectionInfo: [1], channelInfo: [2])
        #expect(try result(9, "0a11 0a0163 120c 0a0175 120163 1a0101 220102") == .presence(["c": info]))
        #expect(try result(10, "0803 1002") == .presenceStats(clients: 3, users: 2))
        #expect(
            try result(11, "0a05 220109 3001 120165 1801")
                == .history(
                    publications: [Publication(data: [9], offset: 1)], top: StreamPosition(offset: 1, epoch: "e")))
        #expect(try result(12, "") == .ping)
        #expect(try result(13, "0a0101") == .rpc(data: [1]))
        var refresh = RefreshResult()
        refresh.client = "c"
        refresh.version = "v"
        refresh.expires = true
        refresh.ttl = 9
        #expect(try result(14, "0a0163 120176 1801 2009") == .refresh(refresh))
        #expect(try result(15, "0801 1009") == .subRefresh(expires: true, ttl: 9))
    }

    @Test("pushes")
    func pushes() throws {
        let info = ClientInfo(user: "u", client: "c", connectionInfo: [1], channelInfo: [2])
        let publication = Publication(data: [9], info: info, offset: 4, tags: ["k": "v"], timeMs: 1)
        #expect(
            try event(4, "220109 2a0c 0a0175 120163 1a0101 220102 3004 3a06 0a016b 120176 4801 720165")
                == .publication(publication, epoch: "e"))
        #expect(try event(5, "0a0c 0a0175 120163 1a0101 220102") == .join(info))
        #expect(try event(6, "0a0c 0a0175 120163 1a0101 220102") == .leave(info))
        #expect(try event(7, "10c413 1a0172") == .unsubscribe(UnsubscribeReason(code: 2500, reason: "r")))
        #expect(try event(8, "0a0101") == .message(data: [1]))
        var subscription = ServerSubscription()
        subscription.recoverable = true
        subscription.epoch = "e"
        subscription.offset = 7
        subscription.positioned = true
        subscription.data = [5]
        #expect(try event(9, "0801 220165 2807 3001 3a0105") == .subscribe(subscription))
        var connect = ConnectResult()
        connect.client = "c"
        connect.ping = 25
        #expect(try event(10, "0a0163 3819") == .connect(connect))
        #expect(try event(11, "08b917 120172") == .disconnect(Disconnect(code: 3001, reason: "r")))
        #expect(try event(12, "0801 1009") == .refresh(expires: true, ttl: 9))
    }
}
