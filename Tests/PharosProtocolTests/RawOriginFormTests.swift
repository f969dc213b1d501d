import PharosBytes
import PharosDomain
import PharosProtocol
import Testing

@Suite("Raw connections at their origin")
struct RawOriginFormTests {
    private static let id: ClientName = "ADAuMC4wLjA6ODA4MS9zcpzpRouT+viywAkqhjocAjAuXnVC"

    private func service(_ kind: RawEvent.Kind) -> String {
        let event = RawEvent(connection: RawOriginFormTests.id, kind: kind, sequence: 1)
        return Wire.text { WebSocketServiceEncoder.encode(event, into: &$0) }
    }

    @Test("the events of websocket-service are byte for byte what its origins read")
    func serviceEvents() {
        let begin = #"{"WebSocketEvent":{"ConnectionId":"\#(RawOriginFormTests.id)","#
        #expect(
            service(.established(subprotocol: "test"))
                == begin + #""ConnectionEstablished":{"Subprotocol":"test"},"ConnectionClosed":null,"#
                + #""MessageReceived":null},"WebSocketKeepAlives":null}"#)
        #expect(service(.established(subprotocol: "")).contains(#"{"Subprotocol":""}"#))
        #expect(
            service(.message(utf8("foo"), isText: true))
                == begin + #""ConnectionEstablished":null,"ConnectionClosed":null,"#
                + #""MessageReceived":{"Binary":null,"Text":"foo"}},"WebSocketKeepAlives":null}"#)
        #expect(
            service(.message([1, 2], isText: false))
                == begin + #""ConnectionEstablished":null,"ConnectionClosed":null,"#
                + #""MessageReceived":{"Binary":"AQI=","Text":null}},"WebSocketKeepAlives":null}"#)
        #expect(
            Wire.text { WebSocketServiceEncoder.encodeClosed(RawOriginFormTests.id, into: &$0) }
                == begin + #""ConnectionEstablished":null,"ConnectionClosed":{},"MessageReceived":null},"#
                + #""WebSocketKeepAlives":null}"#)
        #expect(
            Wire.text { WebSocketServiceEncoder.encodeKeepAlive(["a", "b"], into: &$0) }
                == #"{"WebSocketEvent":null,"WebSocketKeepAlives":[{"ConnectionId":"a"},{"ConnectionId":"b"}]}"#)
    }

    @Test("in our own form a message is the body itself, with attributes as header fields")
    func ownForm() {
        var event = RawEvent(connection: "AB+/=", kind: .message(utf8("hé"), isText: true), sequence: 7)
        var body = ByteWriter()
        #expect(RawEventEncoder.encode(event, facts: RequestFacts(), into: &body) == "text/plain;charset=utf-8")
        #expect(body.array == utf8("hé"))
        #expect(
            Wire.text { CloudEventHeaders(node: "n 1").append(event, id: "AB+/=/7", nowMs: 0, into: &$0) }
                == "ce-specversion: 1.0\r\nce-source: /pharos/n%201\r\nce-id: AB+/=/7\r\nce-type: pharos.raw.message\r\n"
                + "ce-time: 1970-01-01T00:00:00.000Z\r\nce-subject: AB+/=\r\nce-sequence: 7\r\n")
        event.kind = .message([1, 2], isText: false)
        body.removeAll()
        #expect(RawEventEncoder.encode(event, facts: RequestFacts(), into: &body) == "application/octet-stream")
        #expect(body.array == [1, 2])
        event.kind = .established(subprotocol: "")
        body.removeAll()
        #expect(RawEventEncoder.encode(event, facts: RequestFacts(), into: &body) == "application/json")
        #expect(body.array == utf8(#"{"connection":"AB+/=","subprotocol":""}"#))
    }

    @Test("an origin of websocket-service accepts with 200 and nothing else")
    func serviceAnswers() {
        #expect(
            RawAnswerDecoder.decodeWebSocketService(HTTPAnswer(status: 200, body: utf8("ignored"))) == .accepted([]))
        for status in [201, 204, 302, 404, 500] {
            #expect(RawAnswerDecoder.decodeWebSocketService(HTTPAnswer(status: status)) == .failed)
        }
    }

    @Test("an answer is empty, one message, several, or a close")
    func answers() throws {
        func answer(_ status: Int, _ type: String = "", _ body: [UInt8] = []) throws -> RawAnswer {
            try RawAnswerDecoder.decode(HTTPAnswer(status: status, contentType: type, body: body))
        }
        #expect(try answer(204) == .accepted([]))
        #expect(try answer(200, "text/plain") == .accepted([]))
        #expect(
            try answer(200, "Text/Plain; charset=utf-8", utf8("hi"))
                == .accepted([RawMessage(utf8("hi"), isText: true)]))
        #expect(
            try answer(200, "application/octet-stream", [0xFF]) == .accepted([RawMessage([0xFF], isText: false)]))
        #expect(
            try answer(200, "application/json", utf8(#"{"messages":[{"text":"a"},{"binary":"AQI=","text":null}]}"#))
                == .accepted([RawMessage(utf8("a"), isText: true), RawMessage([1, 2], isText: false)]))
        #expect(
            try answer(200, "application/json", utf8(#"{"close":{"code":4001,"reason":"bye"}}"#))
                == .close([], code: 4001, reason: "bye"))
        #expect(
            try answer(200, "application/json", utf8(#"{"close":{},"messages":[{"text":"a"}]}"#))
                == .close([RawMessage(utf8("a"), isText: true)], code: 1000, reason: ""))
        #expect(try answer(200, "application/json", utf8("{}")) == .accepted([]))
        let nonsense: [(Int, String, [UInt8])] = [
            (500, "", []), (200, "text/html", utf8("hi")), (200, "", utf8("hi")), (200, "text/plain", [0xFF]),
            (200, "application/json", utf8("[]")), (200, "application/json", utf8(#"{"messages":[{}]}"#)),
            (200, "application/json", utf8(#"{"messages":[{"text":"a","binary":"AQI="}]}"#)),
            (200, "application/json", utf8(#"{"close":{"code":1006}}"#)),
            (200, "application/json", utf8(#"{"close":{"code":99999}}"#)),
        ]
        for (status, type, body) in nonsense {
            #expect(throws: MalformedFrame.self) { try answer(status, type, body) }
        }
    }
}
