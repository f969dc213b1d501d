import PharosBytes
import PharosDomain
import PharosProtocol
import Testing

@Suite("Poll dialects")
struct PollDialectTests {
    private func answer(_ encode: (inout ByteWriter) -> Int) -> String {
        var writer = ByteWriter()
        let status = encode(&writer)
        return "\(status) " + String(decoding: writer.array, as: UTF8.self)
    }

    private func channel(recovered: Bool?, _ publications: [Publication] = []) -> PollChannelAnswer {
        PollChannelAnswer(
            channel: "r", position: StreamPosition(offset: 4, epoch: "e1"), recovered: recovered,
            publications: publications)
    }

    private func request(_ query: String) throws -> PollRequest {
        try Array(query.utf8).withUnsafeBytes { try PollRequest.decode(query: $0, fields: RequestFields()) }
    }

    @Test("the request says in which form it is answered")
    func chosen() throws {
        #expect(PollDialect(try request("channel=a")) == .plain)
        var room = try request("channel=a")
        room.isRoom = true
        #expect(PollDialect(room) == .room)
    }

    @Test("news, or a gap, is the same answer in both forms", arguments: [PollDialect.plain, .room])
    func news(dialect: PollDialect) {
        for found in [channel(recovered: nil, [Publication(data: utf8("1"), offset: 4)]), channel(recovered: false)] {
            let expected = "200 " + Wire.text { PollAnswerEncoder.encode([found], into: &$0) }
            #expect(answer { dialect.encode([found], waitedSeconds: 3, into: &$0) } == expected)
        }
    }

    @Test("without news a poll is empty, and one of a room an error")
    func noNews() {
        let found = channel(recovered: true)
        let empty = "200 " + Wire.text { PollAnswerEncoder.encode([found], into: &$0) }
        #expect(answer { PollDialect.plain.encode([found], waitedSeconds: 3, into: &$0) } == empty)
        let error = "551 " + Wire.text { RoomPollError.noNews(room: "r", seconds: 3).encode(into: &$0) }
        #expect(answer { PollDialect.room.encode([found], waitedSeconds: 3, into: &$0) } == error)
    }

    @Test("a poll that a newer one has ended")
    func canceled() {
        #expect(
            answer { PollDialect.plain.encodeCanceled(into: &$0) }
                == #"409 {"error":{"code":409,"message":"ended by a newer poll"}}"#)
        #expect(
            answer { PollDialect.room.encodeCanceled(into: &$0) }
                == "552 " + Wire.text { RoomPollError.canceled.encode(into: &$0) })
    }

    @Test("requests that are no polls")
    func refused() {
        #expect(
            answer { PollDialect.encode(.parameter(ParameterError("wait", "0 to \"60\"")), into: &$0) }
                == #"400 {"error":{"code":400,"message":"wait: 0 to \"60\""}}"#)
        #expect(
            answer { PollDialect.encode(.shortPollingTimeout, into: &$0) }
                == "400 " + Wire.text { RoomPollError.shortPollingTimeout.encode(into: &$0) })
    }
}
