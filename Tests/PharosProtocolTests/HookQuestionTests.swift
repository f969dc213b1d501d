import PharosDomain
import PharosProtocol
import Testing

@Suite("Questions to origins")
struct HookQuestionTests {
    private static let common = #"{"client":"c1","transport":"websocket","protocol":"json","encoding":"json""#

    @Test("each question has the members of its proxy shape")
    func shapes() {
        let common = HookQuestionTests.common
        #expect(OriginWire.question(.handshake) == common + "}")
        #expect(
            OriginWire.question(.connect(data: utf8(#"{"a":1}"#), name: "js", version: "5", headers: ["x": "y"]))
                == common + #","data":{"a":1},"name":"js","version":"5"}"#)
        #expect(OriginWire.question(.refresh) == common + #","user":"42"}"#)
        #expect(
            OriginWire.question(.subscribe(channel: "chat:1", token: "t", data: utf8("[1]")))
                == common + #","user":"42","channel":"chat:1","token":"t","data":[1]}"#)
        #expect(
            OriginWire.question(.subscribe(channel: "chat:1", token: "", data: []))
                == common + #","user":"42","channel":"chat:1"}"#)
        #expect(
            OriginWire.question(.publish(channel: "chat:1", data: utf8("\"hi\"")))
                == common + #","user":"42","channel":"chat:1","data":"hi"}"#)
        #expect(
            OriginWire.question(.rpc(method: "sum", data: utf8("[1,2]")))
                == common + #","user":"42","method":"sum","data":[1,2]}"#)
        #expect(OriginWire.question(.subRefresh(channel: "n")) == common + #","user":"42","channel":"n"}"#)
        #expect(OriginWire.question(.message(data: utf8("7"))) == common + #","user":"42","data":7}"#)
    }

    @Test("an anonymous user, an empty channel and an empty method are said as such")
    func emptyFields() {
        #expect(
            OriginWire.question(.rpc(method: "", data: []), user: "")
                == HookQuestionTests.common + #","user":"","method":""}"#)
    }

    @Test("meta goes along only if the origin wants it")
    func meta() {
        #expect(!OriginWire.question(.refresh, meta: #"{"k":1}"#).contains("meta"))
        #expect(
            OriginWire.question(.refresh, meta: #"{"k":1}"#, includesMeta: true)
                == HookQuestionTests.common + #","user":"42","meta":{"k":1}}"#)
    }

    @Test("binary encoding moves the payload, and so does a protobuf client's payload that is no JSON")
    func binary() {
        #expect(
            OriginWire.question(.message(data: utf8("hi!")), binary: true)
                == #"{"client":"c1","transport":"websocket","protocol":"json","encoding":"binary","user":"42","#
                + #""b64data":"aGkh"}"#)
        let protobuf = #"{"client":"c1","transport":"websocket","protocol":"protobuf","encoding":"json","user":"42","#
        #expect(OriginWire.question(.message(data: [1, 2]), isProtobuf: true) == protobuf + #""b64data":"AQI="}"#)
        #expect(OriginWire.question(.message(data: utf8("[1]")), isProtobuf: true) == protobuf + #""data":[1]}"#)
    }

    @Test("the facts of a request are a member in the order of their names, and absent if there are none")
    func facts() {
        #expect(OriginWire.question(.handshake, facts: RequestFacts()) == HookQuestionTests.common + "}")
        var facts = RequestFacts()
        facts.method = "GET"
        facts.path = "/connection/websocket"
        facts.address = "192.0.2.7"
        facts.headers = ["x-b": "2", "x-a": "\"1\""]
        facts.cookies = ["session": "s"]
        facts.query = ["q": "ä"]
        #expect(
            OriginWire.question(.handshake, facts: facts)
                == HookQuestionTests.common
                + #","request":{"method":"GET","path":"/connection/websocket","address":"192.0.2.7","#
                + #""headers":{"x-a":"\"1\"","x-b":"2"},"cookies":{"session":"s"},"query":{"q":"ä"}}}"#)
    }
}
