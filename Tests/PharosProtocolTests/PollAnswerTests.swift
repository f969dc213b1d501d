import PharosBytes
import PharosDomain
import PharosProtocol
import Testing

@Suite("Answers of polls")
struct PollAnswerTests {
    @Test("the answer that the documentation shows")
    func golden() {
        let answer = PollChannelAnswer(
            channel: "news", position: StreamPosition(offset: 42, epoch: "Xq3kP0aZ"), recovered: true,
            publications: [Publication(data: utf8(#"{"text":"hello"}"#), offset: 42)])
        #expect(
            Wire.text { PollAnswerEncoder.encode([answer], into: &$0) }
                == #"{"cursor":"v2.AgEIKlpereQ_Rpkq","channels":{"news":{"epoch":"Xq3kP0aZ","offset":42,"#
                + #""recovered":true,"publications":[{"offset":42,"data":{"text":"hello"}}]}}}"#)
    }

    @Test("no news, a gap, a payload that is not JSON, information and tags")
    func others() {
        var binary = Publication(
            data: [0xFF, 0], info: ClientInfo(user: "u", client: "c", connectionInfo: utf8("{}")), offset: 7,
            tags: ["a": "b"], timeMs: 5)
        binary.isJSON = false
        var binaryInfo = Publication(
            data: utf8("{\n}"), info: ClientInfo(user: "u", client: "", channelInfo: [0xFF]), offset: 8)
        binaryInfo.isJSON = false
        let answers = [
            PollChannelAnswer(channel: "a\"", position: StreamPosition(offset: 0, epoch: "e"), recovered: nil),
            PollChannelAnswer(
                channel: "b", position: StreamPosition(offset: 8, epoch: "f"), recovered: false, first: 7,
                publications: [binary, binaryInfo]),
        ]
        let text = Wire.text { PollAnswerEncoder.encode(answers, into: &$0) }
        #expect(
            text
                == #"{"cursor":"v2.AgIBZhl4AJUVfAg","channels":{"a\"":{"epoch":"e","offset":0,"publications":[]},"#
                + #""b":{"epoch":"f","offset":8,"recovered":false,"first":7,"publications":["#
                + #"{"offset":7,"b64data":"/wA=","info":{"user":"u","client":"c","conn_info":{}},"tags":{"a":"b"},"time":5},"#
                + #"{"offset":8,"data":{},"info":{"user":"u","client":"","chan_info":"/w==","b64chan_info":true}}]}}}"#)
        #expect(Wire.isValid(text))
    }

    @Test("messages of a session become a list")
    func session() {
        func text(_ lines: String) -> String {
            Wire.text { writer in
                utf8(lines).withUnsafeBytes { SessionPollEncoder.encode(cursor: 812, lines: $0, into: &writer) }
            }
        }
        #expect(text("") == #"{"cursor":"812","messages":[]}"#)
        #expect(text("{\"id\":1}\n") == #"{"cursor":"812","messages":[{"id":1}]}"#)
        #expect(text("{}\n{\"a\":[]}\n[1]\n") == #"{"cursor":"812","messages":[{},{"a":[]},[1]]}"#)
        let pieces = Wire.text { writer in
            SessionPollEncoder.begin(cursor: 0, into: &writer)
            for piece in ["{}\n", "", "{\"a\":1}\n{}\n"] {
                utf8(piece).withUnsafeBytes { SessionPollEncoder.append(lines: $0, into: &writer) }
            }
            SessionPollEncoder.end(into: &writer)
        }
        #expect(pieces == #"{"cursor":"0","messages":[{},{"a":1},{}]}"#)
    }

    @Test("a room's errors (GE-4, GE-5)")
    func rooms() {
        func text(_ error: RoomPollError) -> String { Wire.text { error.encode(into: &$0) } }
        #expect(
            text(.noNews(room: "r", seconds: 29))
                == #"{"id":"error-poll-timeout","code":551,"detail":"no new message for room \"r\" after 29s"}"#)
        #expect(text(.canceled) == #"{"id":"error-canceled","code":552,"detail":"canceled by a next attempt"}"#)
        #expect(
            text(.shortPollingTimeout)
                == #"{"id":"error-bad-request","code":400,"detail":"short polling timeout","status":"Bad Request"}"#)
        #expect(RoomPollError.badRequest("x").status == 400 && RoomPollError.canceled.status == 552)
    }
}
