import PharosNATS
import Testing

/// The forms of JetStream, as texts and as a real server sent them.
@Suite("JetStream")
struct JetStreamTests {
    @Test("subjects of the API")
    func subjects() throws {
        let api = try JetStreamAPI()
        #expect(api.accountInfo == "$JS.API.INFO")
        #expect(api.streamNames == "$JS.API.STREAM.NAMES")
        #expect(try api.createStream("PH_a-1") == "$JS.API.STREAM.CREATE.PH_a-1")
        #expect(try api.updateStream("S") == "$JS.API.STREAM.UPDATE.S")
        #expect(try api.deleteStream("S") == "$JS.API.STREAM.DELETE.S")
        #expect(try api.streamInfo("S") == "$JS.API.STREAM.INFO.S")
        #expect(try api.purgeStream("S") == "$JS.API.STREAM.PURGE.S")
        #expect(try api.getMessage("S") == "$JS.API.STREAM.MSG.GET.S")
        #expect(try api.deleteMessage("S") == "$JS.API.STREAM.MSG.DELETE.S")
        #expect(try api.directGet("S") == "$JS.API.DIRECT.GET.S")
        #expect(try api.directGetLast("S", subject: "a.b") == "$JS.API.DIRECT.GET.S.a.b")
        #expect(try api.createConsumer("S", "C") == "$JS.API.CONSUMER.CREATE.S.C")
        #expect(try api.consumerInfo("S", "C") == "$JS.API.CONSUMER.INFO.S.C")
        #expect(try api.deleteConsumer("S", "C") == "$JS.API.CONSUMER.DELETE.S.C")
        #expect(try api.nextMessages("S", "C") == "$JS.API.CONSUMER.MSG.NEXT.S.C")
        #expect(try JetStreamAPI(domain: "hub").streamInfo("S") == "$JS.hub.API.STREAM.INFO.S")
    }

    @Test(
        "names that are none",
        arguments: ["", "a.b", "a b", "*", ">", "a/b", "a\\b", "a\r\n", String(repeating: "a", count: 256)])
    func names(name: String) throws {
        let api = try JetStreamAPI()
        #expect(throws: NATSOrderError.invalidName) { try api.createStream(name) }
        #expect(throws: NATSOrderError.invalidName) { try api.nextMessages("S", name) }
        #expect(throws: NATSOrderError.invalidName) { try JetStreamAPI(domain: name) }
    }

    @Test(
        "acknowledgements that are none",
        arguments: ["", "{}", "[]", #"{"stream":"S"}"#, #"{"stream":"S","seq":"1"}"#, #"{"stream":"S","seq":1} x"#])
    func malformed(text: String) {
        #expect(throws: JetStreamMalformed.self) { try JetStreamAcknowledgement.read(Array(text.utf8)) }
        #expect(throws: JetStreamMalformed.self) { try JetStreamStoredMessage.read(Array(text.utf8)) }
    }

    @Test("headers of a publication")
    func headers() throws {
        var headers = NATSHeaders()
        try headers.add(messageID: "m 1")
        headers.add(expectedLastSubjectSequence: .max)
        try headers.add(batchID: "b", sequence: 2, commits: true)
        #expect(headers.messageID == "m 1")
        #expect(headers.expectedLastSubjectSequence == .max)
        #expect(headers.batchID == "b")
        #expect(headers.batchSequence == 2)
        #expect(headers["Nats-Batch-Commit"] == "1")
        #expect(headers.sequence == nil)
        #expect(NATSHeaders("Nats-Sequence: x").sequence == nil)
        #expect(throws: NATSOrderError.invalidHeader) { try headers.add(messageID: "a\r\nb") }
    }

    /// The messages of the recorded server for one subscription.
    ///
    /// 1: answers. 2: what is republished.
    private func recorded(_ subscription: UInt64) throws -> [NATSMessage] {
        try Transcript(recorded: "jetstream").read().messages.compactMap {
            if case .message(let message) = $0, message.subscription == subscription { message } else { nil }
        }
    }

    @Test("what is republished says its sequence, and that of the message before it on its subject")
    func republished() throws {
        let messages = try recorded(2)
        #expect(messages.map(\.subject) == ["ph.l.a", "ph.l.b", "ph.l.a", "ph.l.a", "ph.l.a"])
        #expect(messages.map(\.headers.sequence) == [1, 2, 3, 4, 5])
        #expect(messages.map(\.headers.lastSequence) == [0, 0, 1, 3, 4])
        #expect(messages.map(\.headers.streamSubject) == ["ph.h.a", "ph.h.b", "ph.h.a", "ph.h.a", "ph.h.a"])
        #expect(messages.map(\.headers.expectedLastSubjectSequence) == [0, nil, 1, nil, nil])
        #expect(messages.map(\.headers.messageID) == ["m1", "m2", nil, nil, nil])
        #expect(messages.map(\.headers.batchSequence) == [nil, nil, nil, 1, 2])
        #expect(messages.allSatisfy { $0.headers.stream == "PH" && $0.headers.timeStamp?.hasSuffix("Z") == true })
    }

    @Test("acknowledgements, a duplicate, a stale expectation, and a batch")
    func acknowledgements() throws {
        let answers = try recorded(1)
        #expect(try JetStreamError.find(in: answers[0].payload) == nil)
        let read = try answers[1...6].map { try JetStreamAcknowledgement.read($0.payload) }
        #expect(Array(read[0...2]) == [1, 2, 3].map { .success(.init(stream: "PH", sequence: $0)) })
        #expect(read[3] == .success(.init(stream: "PH", sequence: 2, isDuplicate: true)))
        let stale = JetStreamError(code: 400, reason: 10_071, text: "wrong last sequence: 3")
        #expect(read[4] == .failure(stale))
        #expect(stale.reason == JetStreamError.wrongLastSequence)
        #expect(stale.lastSequence == 3)
        #expect(JetStreamError(code: 400, reason: 10_164, text: "x 3").lastSequence == nil)
        var batch = JetStreamAcknowledgement(stream: "PH", sequence: 5)
        (batch.batch, batch.batchCount) = ("b1", 2)
        #expect(read[5] == .success(batch))
    }

    @Test("direct gets, reads at the leader, and what is not there")
    func reading() throws {
        let answers = try recorded(1)
        let batch = answers[7...10]
        #expect(batch.map(\.headers.sequence) == [1, 3, 4, nil])
        #expect(batch.map(\.headers.pending) == [3, 2, 1, 1])
        #expect(batch.map(\.headers.status) == [nil, nil, nil, 204])
        #expect(answers[11].headers.status == 404)
        var stored = JetStreamStoredMessage()
        (stored.subject, stored.sequence, stored.payload) = ("ph.h.b", 2, Array("two".utf8))
        stored.headers = NATSHeaders("Nats-Msg-Id: m2")
        guard case .success(let message) = try JetStreamStoredMessage.read(answers[12].payload) else {
            Issue.record("no message")
            return
        }
        stored.time = message.time
        #expect(message == stored)
        #expect(message.time.hasSuffix("Z"))
        let none = JetStreamError(code: 404, reason: JetStreamError.messageNotFound, text: "no message found")
        #expect(try JetStreamStoredMessage.read(answers[13].payload) == .failure(none))
        #expect(try JetStreamError.find(in: answers[14].payload)?.reason == JetStreamError.streamNotFound)
        #expect(answers[15].isNoResponders)
    }
}
