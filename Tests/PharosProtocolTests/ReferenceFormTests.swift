import PharosBytes
import PharosDomain
import PharosProtocol
import Testing

/// Every result, reply and push, empty and full.
///
/// They are compared with the form of the protocol's reference implementation.
///
/// In JSON most fields are left out when they are empty, but these are always there: `user` and `client` of a client's
/// information, `presence`, both numbers of `presence_stats`, and `publications`, `epoch` and `offset` of a history. Protobuf
/// leaves out whatever is empty. The bytes were made by another program.
@Suite("Messages in the form of the reference")
struct ReferenceFormTests {
    struct Form: CustomTestStringConvertible, Sendable {
        let name: String
        let message: ServerMessage
        let json: String
        let protobuf: String
        var testDescription: String { name }
    }

    @Test("replies", arguments: Forms.replies)
    func replies(_ form: Form) throws { try check(form) }

    @Test("pushes", arguments: Forms.pushes)
    func pushes(_ form: Form) throws { try check(form) }

    private func check(_ form: Form) throws {
        let text = Wire.text { writer in
            switch form.message {
            case .reply(let reply): JSONReplyEncoder.encode(reply, into: &writer)
            case .push(let push): JSONReplyEncoder.encode(push, into: &writer)
            case .ping: JSONReplyEncoder.encodePing(into: &writer)
            }
        }
        #expect(text == form.json)
        #expect(ProtobufSamples.encode(form.message) == ProtobufSamples.hex(form.protobuf))
        #expect(try Wire.messages(form.json) == [form.message])
        #expect(try ProtobufSamples.messages(ProtobufSamples.hex(form.protobuf)) == [form.message])
    }
}

/// Made by a writer of its own, not by the encoders under test.
enum Forms {
    static let replies: [ReferenceFormTests.Form] = [
        reply(
            "an error", .error(.tooManyRequests),
            #""error":{"code":111,"message":"too many requests","temporary":true}"#,
            "1b08011217086f1211746f6f206d616e792072657175657374731801"),
        reply(
            "an empty error", .error(ReplyError(code: 0, message: "")),
            #""error":{}"#,
            "0408011200"),
        reply(
            "an empty connect", .connect(ConnectResult()),
            #""connect":{}"#,
            "0408012a00"),
        reply(
            "a full connect", .connect(Forms.connect),
            #""connect":{"client":"c1","version":"v","expires":true,"ttl":60,"data":{},"subs":{"ch":{}},"ping":25,"pong":true,"session":"s","node":"n","time":1700000000123}"#,
            "2c08012a280a0263311201761801203c2a027b7d32060a0263681200381940014a017352016e58fbd095ffbc31"),
        reply(
            "an empty subscribe", .subscribe(SubscribeResult()),
            #""subscribe":{}"#,
            "0408013200"),
        reply(
            "a full subscribe", .subscribe(Forms.subscribe),
            #""subscribe":{"expires":true,"ttl":61,"recoverable":true,"epoch":"e","publications":[{"data":1,"offset":2}],"recovered":true,"offset":1,"positioned":true,"data":[],"was_recovering":true,"delta":true}"#,
            "220801321e0801103d18013201653a0522013130024001480150015a025b5d60016801"),
        reply(
            "unsubscribe", .unsubscribe,
            #""unsubscribe":{}"#,
            "0408013a00"),
        reply(
            "publish", .publish,
            #""publish":{}"#,
            "0408014200"),
        reply(
            "nobody present", .presence([:]),
            #""presence":{"presence":{}}"#,
            "0408014a00"),
        reply(
            "an anonymous client present", .presence(["c1": ClientInfo(user: "", client: "c1")]),
            #""presence":{"presence":{"c1":{"user":"","client":"c1"}}}"#,
            "1008014a0c0a0a0a026331120412026331"),
        reply(
            "presence stats of nobody", .presenceStats(clients: 0, users: 0),
            #""presence_stats":{"num_clients":0,"num_users":0}"#,
            "0408015200"),
        reply(
            "presence stats", .presenceStats(clients: 3, users: 2),
            #""presence_stats":{"num_clients":3,"num_users":2}"#,
            "080801520408031002"),
        reply(
            "an empty history", .history(publications: [], top: StreamPosition()),
            #""history":{"publications":[],"epoch":"","offset":0}"#,
            "0408015a00"),
        reply(
            "a history", .history(publications: [Forms.publication], top: StreamPosition(offset: 7, epoch: "e")),
            #""history":{"publications":[{"data":{"a":1},"info":{"user":"42","client":"c1","conn_info":{"n":1},"chan_info":[2]},"offset":7,"tags":{"k":"v"},"delta":true,"time":1700000000123}],"epoch":"e","offset":7}"#,
            "3f08015a3b0a3422077b2261223a317d2a160a023432120263311a077b226e223a317d22035b325d30073a060a016b120176400148fbd095ffbc311201651807"
        ),
        reply(
            "ping", .ping,
            #""ping":{}"#,
            "0408016200"),
        reply(
            "an empty rpc", .rpc(data: []),
            #""rpc":{}"#,
            "0408016a00"),
        reply(
            "rpc", .rpc(data: utf8("null")),
            #""rpc":{"data":null}"#,
            "0a08016a060a046e756c6c"),
        reply(
            "an empty refresh", .refresh(RefreshResult()),
            #""refresh":{}"#,
            "0408017200"),
        reply(
            "a refresh", .refresh(Forms.refresh),
            #""refresh":{"client":"c1","version":"v","expires":true,"ttl":62}"#,
            "0f0801720b0a0263311201761801203e"),
        reply(
            "an empty sub_refresh", .subRefresh(expires: false, ttl: 0),
            #""sub_refresh":{}"#,
            "0408017a00"),
        reply(
            "a sub_refresh", .subRefresh(expires: true, ttl: 63),
            #""sub_refresh":{"expires":true,"ttl":63}"#,
            "0808017a040801103f"),
    ]

    static let pushes: [ReferenceFormTests.Form] = [
        push(
            "the least publication", "ch", .publication(Publication(data: utf8("{}")), epoch: ""),
            #""pub":{"data":{}}"#,
            "0c220a12026368220422027b7d"),
        push(
            "a full publication", "ch", .publication(Forms.publication, epoch: "e"),
            #""pub":{"data":{"a":1},"info":{"user":"42","client":"c1","conn_info":{"n":1},"chan_info":[2]},"offset":7,"tags":{"k":"v"},"delta":true,"time":1700000000123,"epoch":"e"}"#,
            "3f223d12026368223722077b2261223a317d2a160a023432120263311a077b226e223a317d22035b325d30073a060a016b120176400148fbd095ffbc31720165"
        ),
        push(
            "a publication without data", "ch", .publication(Publication(data: [], offset: 1), epoch: ""),
            #""pub":{"offset":1}"#,
            "0a22081202636822023001"),
        push(
            "an anonymous join", "ch", .join(ClientInfo(user: "", client: "c1")),
            #""join":{"info":{"user":"","client":"c1"}}"#,
            "0e220c120263682a060a0412026331"),
        push(
            "an empty leave", "ch", .leave(ClientInfo(user: "", client: "")),
            #""leave":{"info":{"user":"","client":""}}"#,
            "0a22081202636832020a00"),
        push(
            "unsubscribe", "ch", .unsubscribe(.insufficientState),
            #""unsubscribe":{"code":2500,"reason":"insufficient state"}"#,
            "1f221d120263683a1710c4131a12696e73756666696369656e74207374617465"),
        push(
            "an empty message", "", .message(data: []),
            #""message":{}"#,
            "0422024200"),
        push(
            "a message", "", .message(data: utf8("[1]")),
            #""message":{"data":[1]}"#,
            "09220742050a035b315d"),
        push(
            "an empty subscribe", "ch", .subscribe(ServerSubscription()),
            #""subscribe":{}"#,
            "082206120263684a00"),
        push(
            "a full subscribe", "ch", .subscribe(Forms.serverSubscription),
            #""subscribe":{"recoverable":true,"epoch":"e","offset":8,"positioned":true,"data":0}"#,
            "142212120263684a0c0801220165280830013a0130"),
        push(
            "an empty connect", "", .connect(ConnectResult()),
            #""connect":{}"#,
            "0422025200"),
        push(
            "a full connect", "", .connect(Forms.connect),
            #""connect":{"client":"c1","version":"v","expires":true,"ttl":60,"data":{},"subs":{"ch":{}},"ping":25,"pong":true,"session":"s","node":"n","time":1700000000123}"#,
            "2c222a52280a0263311201761801203c2a027b7d32060a0263681200381940014a017352016e58fbd095ffbc31"),
        push(
            "disconnect", "", .disconnect(.shutdown),
            #""disconnect":{"code":3001,"reason":"shutdown"}"#,
            "11220f5a0d08b917120873687574646f776e"),
        push(
            "an empty refresh", "", .refresh(expires: false, ttl: 0),
            #""refresh":{}"#,
            "0422026200"),
        push(
            "a refresh", "", .refresh(expires: true, ttl: 60),
            #""refresh":{"expires":true,"ttl":60}"#,
            "08220662040801103c"),
    ]

    private static func reply(
        _ name: String, _ result: Reply.Result, _ json: String, _ protobuf: String
    ) -> ReferenceFormTests.Form {
        .init(
            name: name, message: .reply(Reply(id: 1, result: result)), json: "{\"id\":1,\(json)}", protobuf: protobuf)
    }

    private static func push(
        _ name: String, _ channel: ChannelName, _ event: Push.Event, _ json: String, _ protobuf: String
    ) -> ReferenceFormTests.Form {
        let place = channel.isEmpty ? "" : "\"channel\":\"\(channel)\","
        return .init(
            name: name, message: .push(Push(channel: channel, event: event)), json: "{\"push\":{\(place)\(json)}}",
            protobuf: protobuf)
    }

    static var publication: Publication {
        var publication = Publication(
            data: utf8(#"{"a":1}"#),
            info: ClientInfo(
                user: "42", client: "c1", connectionInfo: utf8(#"{"n":1}"#), channelInfo: utf8("[2]")),
            offset: 7, tags: ["k": "v"], timeMs: 1_700_000_000_123)
        publication.isDelta = true
        return publication
    }

    static var subscribe: SubscribeResult {
        var result = SubscribeResult()
        (result.expires, result.ttl, result.recoverable, result.epoch) = (true, 61, true, "e")
        result.publications = [Publication(data: utf8("1"), offset: 2)]
        (result.recovered, result.offset, result.positioned) = (true, 1, true)
        (result.data, result.wasRecovering, result.delta) = (utf8("[]"), true, true)
        return result
    }

    static var connect: ConnectResult {
        var result = ConnectResult()
        (result.client, result.version, result.expires, result.ttl) = ("c1", "v", true, 60)
        (result.data, result.subscriptions) = (utf8("{}"), ["ch": SubscribeResult()])
        (result.ping, result.pong, result.session, result.node) = (25, true, "s", "n")
        result.timeMs = 1_700_000_000_123
        return result
    }

    static var refresh: RefreshResult {
        var result = RefreshResult()
        (result.client, result.version, result.expires, result.ttl) = ("c1", "v", true, 62)
        return result
    }

    static var serverSubscription: ServerSubscription {
        var subscription = ServerSubscription()
        (subscription.recoverable, subscription.epoch, subscription.offset) = (true, "e", 8)
        (subscription.positioned, subscription.data) = (true, utf8("0"))
        return subscription
    }
}
