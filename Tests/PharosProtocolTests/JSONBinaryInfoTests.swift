import PharosBytes
import PharosDomain
import PharosProtocol
import Testing

/// Payloads that are no JSON, in answers to clients that speak it.
///
/// They come from a token (`b64info`), the server API (`b64data`), or a client that speaks Protobuf.
@Suite("Payloads that are no JSON, for readers of JSON")
struct JSONBinaryPayloadTests {
    private static let bytes: [UInt8] = [0, 1, 2, 255]
    private static let base64 = "AAEC/w=="

    private static func binary(offset: UInt64 = 0) -> Publication {
        var publication = Publication(data: bytes, offset: offset)
        publication.isJSON = false
        return publication
    }

    struct Form: CustomTestStringConvertible, Sendable {
        let message: ServerMessage
        /// With `@` for the payload and its flag.
        let json: String
        var testDescription: String { json }
    }

    /// Every message that carries a payload.
    static let forms: [Form] = {
        var subscribe = SubscribeResult()
        subscribe.data = bytes
        subscribe.publications = [binary(offset: 1)]
        var connect = ConnectResult()
        connect.data = bytes
        connect.subscriptions = ["c": subscribe]
        var pushed = ServerSubscription()
        pushed.data = bytes
        let client = ClientInfo(user: "u", client: "c", connectionInfo: bytes, channelInfo: bytes)
        var published = binary()
        published.info = client
        func reply(_ result: Reply.Result, _ json: String) -> Form {
            Form(message: .reply(Reply(id: 1, result: result)), json: "{\"id\":1,\(json)}")
        }
        func push(_ event: Push.Event, _ json: String) -> Form {
            Form(message: .push(Push(channel: "c", event: event)), json: "{\"push\":{\"channel\":\"c\",\(json)}}")
        }
        let info = #"{"user":"u","client":"c",@conn_info@,@chan_info@}"#
        let inSubscribe = #"{"publications":[{@data@,"offset":1}],@data@}"#
        return [
            reply(.connect(connect), #""connect":{@data@,"subs":{"c":\#(inSubscribe)}}"#),
            reply(.subscribe(subscribe), #""subscribe":\#(inSubscribe)"#),
            reply(.presence(["c": client]), #""presence":{"presence":{"c":\#(info)}}"#),
            reply(
                .history(publications: [binary(offset: 1)], top: StreamPosition(offset: 1, epoch: "e")),
                #""history":{"publications":[{@data@,"offset":1}],"epoch":"e","offset":1}"#),
            reply(.rpc(data: bytes), #""rpc":{@data@}"#),
            push(.publication(published, epoch: ""), #""pub":{@data@,"info":\#(info)}"#),
            push(.join(client), #""join":{"info":\#(info)}"#),
            push(.leave(client), #""leave":{"info":\#(info)}"#),
            push(.message(data: bytes), #""message":{@data@}"#),
            push(.subscribe(pushed), #""subscribe":{@data@}"#),
            push(.connect(connect), #""connect":{@data@,"subs":{"c":\#(inSubscribe)}}"#),
        ]
    }()

    @Test("they come as base64, with a flag, in every message that can carry one", arguments: forms)
    func everywhere(_ form: Form) throws {
        var json = form.json
        for name in ["data", "conn_info", "chan_info"] {
            json = json.replacing("@\(name)@", with: "\"\(name)\":\"\(Self.base64)\",\"b64\(name)\":true")
        }
        let text = Wire.text { writer in
            switch form.message {
            case .reply(let reply): JSONReplyEncoder.encode(reply, into: &writer)
            case .push(let push): JSONReplyEncoder.encode(push, into: &writer)
            case .ping: break
            }
        }
        #expect(text == json)
        #expect(Wire.isValid(text))
        #expect(try Wire.messages(text) == [form.message])
    }

    @Test("half a payload, quotes and line feeds break nothing", arguments: ["{", "\"", "}\n{", "]}}", "\u{0}", "é\n"])
    func brokenText(_ text: String) throws {
        var publication = Publication(data: utf8(text))
        publication.isJSON = false
        let push = Push(channel: "c", event: .publication(publication, epoch: ""))
        #expect(try Wire.messages(Wire.text(push)) == [.push(push)])
        #expect(!Wire.text(push).utf8.contains(0x0A))
    }

    @Test("what is JSON goes as JSON, though it was not known to be")
    func unknownJSON() {
        var publication = Publication(data: utf8("[1]"))
        publication.isJSON = false
        #expect(
            Wire.text(Push(channel: "c", event: .publication(publication, epoch: "")))
                == #"{"push":{"channel":"c","pub":{"data":[1]}}}"#)
    }
}
