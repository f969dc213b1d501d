import PharosBytes
import PharosDomain
import PharosProtocol
import Testing

@Suite("Replies and pushes in JSON")
struct JSONReplyEncoderTests {
    @Test("the documented messages, byte by byte")
    func golden() {
        #expect(
            Wire.text(Command(id: 2, request: .subscribe(SubscribeRequest(channel: "ch"))))
                == #"{"id":2,"subscribe":{"channel":"ch"}}"#)
        #expect(Wire.text(Reply(id: 2, result: .subscribe(SubscribeResult()))) == #"{"id":2,"subscribe":{}}"#)
        #expect(
            Wire.text(Push(channel: "ch", event: .publication(Publication(data: utf8("{}")), epoch: "")))
                == #"{"push":{"channel":"ch","pub":{"data":{}}}}"#)
        #expect(
            Wire.text(Reply(id: 3, result: .error(.permissionDenied)))
                == #"{"id":3,"error":{"code":103,"message":"permission denied"}}"#)
        #expect(Wire.text { JSONReplyEncoder.encodePing(into: &$0) } == "{}")
    }

    @Test("a temporary error says so, 64-bit numbers are numbers")
    func details() {
        #expect(
            Wire.text(Reply(id: 1, result: .error(.internalError)))
                == #"{"id":1,"error":{"code":100,"message":"internal server error","temporary":true}}"#)
        #expect(
            Wire.text(
                Push(
                    channel: "c",
                    event: .publication(
                        Publication(data: utf8("1"), info: ClientInfo(user: "u", client: ""), offset: .max, timeMs: -5),
                        epoch: "x")))
                == #"{"push":{"channel":"c","pub":{"data":1,"info":{"user":"u","client":""},"offset":18446744073709551615,"time":-5,"epoch":"x"}}}"#
        )
        #expect(
            Wire.text(Push(channel: "", event: .disconnect(.shutdown)))
                == #"{"push":{"disconnect":{"code":3001,"reason":"shutdown"}}}"#)
        #expect(Wire.text(Reply(id: 1, result: .presence([:]))) == #"{"id":1,"presence":{"presence":{}}}"#)
        #expect(Wire.text(Reply(id: 1, result: .publish)) == #"{"id":1,"publish":{}}"#)
    }

    @Test("strings are escaped where JSON demands it and nowhere else")
    func escapes() {
        let channel: ChannelName = "a\"b\\c/\u{8}\u{9}\u{A}\u{C}\u{D}\u{0}\u{1F}\u{7F}é😀\u{2028}"
        #expect(
            Wire.text(Push(channel: channel, event: .message(data: [])))
                == "{\"push\":{\"channel\":\"a\\\"b\\\\c/\\b\\t\\n\\f\\r\\u0000\\u001f\u{7F}é😀\u{2028}\",\"message\":{}}}"
        )
    }

    @Test("line breaks of a pretty-printed payload are left out")
    func oneLine() {
        let data = utf8("{\r\n  \"a\": [1,\n 2]\r}\n")
        #expect(
            Wire.text(Push(channel: "c", event: .publication(Publication(data: data), epoch: "")))
                == #"{"push":{"channel":"c","pub":{"data":{  "a": [1, 2]}}}}"#)
    }

    @Test("the hot path writes the same bytes as the push")
    func samePublication() {
        for push in JSONSamples.pushes {
            guard case .publication(let publication, let epoch) = push.event else { continue }
            let hot = Wire.text {
                JSONReplyEncoder.encodePublication(channel: push.channel, publication, epoch: epoch, into: &$0)
            }
            #expect(hot == Wire.text(push))
        }
    }

    @Test("GO-7: a payload of quotes, backslashes, newlines and any UTF-8 arrives as it was published")
    func payloadSurvives() throws {
        var texts = [
            "\"", "\\", "\n", "\r\n", "\\\"", "\\n", "\\u0041", "\"}}\n{\"id\":1}", "😀é€\u{2028}\u{FFFD}\u{10FFFF}",
        ]
        for scalar in (0...0x2FF as ClosedRange<UInt32>) { texts.append(String(Character(Unicode.Scalar(scalar)!))) }
        for text in texts {
            // The publisher's JSON: the text as one string.
            let data = Wire.text {
                JSONReplyEncoder.encode(Push(channel: ChannelName(text), event: .message(data: [])), into: &$0)
            }
            let start = data.firstRange(of: "\"channel\":")!.upperBound
            let payload = utf8(String(data[start...].dropLast(",\"message\":{}}}".count)))
            let line = Wire.text(
                Push(channel: ChannelName(text), event: .publication(Publication(data: payload), epoch: "")))
            #expect(Wire.isValid(line))
            #expect(!line.utf8.contains(0x0A))
            let decoded = try Wire.messages(line)
            #expect(
                decoded == [
                    .push(Push(channel: ChannelName(text), event: .publication(Publication(data: payload), epoch: "")))
                ])
        }
    }
}
