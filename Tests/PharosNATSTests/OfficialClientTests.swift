import Foundation
import PharosNATS
import Testing

/// Our session and the official client at one server.
///
/// Each reads what the other writes.
@Suite(
    "NATS, beside its official client", .serialized,
    .enabled(
        if: getenv("PHAROS_NATS_SERVER") != nil && OfficialClient.python != nil,
        "PHAROS_NATS_SERVER or TEST_PYTHON is not set"))
final class OfficialClientTests {
    private let server: LiveServer
    private let ours: LiveClient
    private let theirs: OfficialClient
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "pharos-official-\(UUID().uuidString)")
        guard let program = getenv("PHAROS_NATS_SERVER") else { throw LiveServer.Failure(description: "not set") }
        server = try LiveServer(String(cString: program), ["-js", "-sd", folder.path])
        ours = try LiveClient(server, token: "ours")
        guard case .ready = ours.next() else { throw LiveServer.Failure(description: "not ready") }
        theirs = try OfficialClient("nats_client.py", [String(server.port)])
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    // MARK: Ours

    /// Waits until the server has handled all that was sent.
    private func sync() throws {
        let ticket = try ours.session.request([], to: "nothing", deadlineMs: LiveClient.nowMs + 20_000)
        #expect(ours.next() == .answer(ticket, .noResponders))
    }

    private func message() throws -> NATSMessage {
        guard case .message(let message) = ours.next() else { throw LiveServer.Failure(description: "no message") }
        return message
    }

    private func answer(
        to payload: String, on subject: String, headers: NATSHeaders = NATSHeaders()
    ) throws -> NATSMessage {
        let ticket = try ours.session.request(
            Array(payload.utf8), to: subject, headers: headers, deadlineMs: LiveClient.nowMs + 20_000)
        guard case .answer(ticket, .message(let answer)) = ours.next() else {
            throw LiveServer.Failure(description: "no answer on \(subject)")
        }
        return answer
    }

    private static let colours = ["Colour": "deep blue", "X-Empty": "", "Nats-Msg-Id": "m:1"]

    private static var headers: NATSHeaders {
        get throws {
            var headers = NATSHeaders()
            for (name, value) in colours.sorted(by: { $0.key < $1.key }) { try headers.add(name, value) }
            return headers
        }
    }

    // MARK: Stories

    @Test("publications with headers, any bytes, and a subject for the answer")
    func publications() throws {
        let bytes = (0...255).map { UInt8($0) }
        _ = try ours.session.subscribe(to: "theirs.*")
        try sync()
        try theirs.ask(
            "publish", ["subject": "theirs.a", "data": bytes.base64, "headers": Self.colours, "reply": "back.here"])
        let read = try message()
        #expect((read.subject, read.reply, read.payload) == ("theirs.a", "back.here", bytes))
        for (name, value) in Self.colours { #expect(read.headers[name] == value) }

        try theirs.ask("subscribe", ["subject": "ours.>"])
        try ours.session.publish(bytes, to: "ours.a.b", reply: "back.there", headers: Self.headers)
        ours.flush()
        let heard = try theirs.ask("next", ["name": "ours.>"])
        #expect(heard["subject"] as? String == "ours.a.b")
        #expect(heard["reply"] as? String == "back.there")
        #expect(heard["data"] as? String == bytes.base64)
        #expect(heard["headers"] as? [String: String] == Self.colours)
    }

    @Test("a queue group of both has each message once")
    func queue() throws {
        let subscription = try ours.session.subscribe(to: "work", queue: "workers")
        try sync()
        try theirs.ask("subscribe", ["subject": "work", "queue": "workers"])
        for number in 0..<200 { try ours.session.publish(Array("\(number)".utf8), to: "work") }
        let ticket = try ours.session.request([], to: "nothing", deadlineMs: LiveClient.nowMs + 20_000)
        var mine: [String] = []
        while let event = ours.next() {
            if event == .answer(ticket, .noResponders) { break }
            guard case .message(let message) = event else { continue }
            #expect(message.subscription == subscription)
            mine.append(String(decoding: message.payload, as: UTF8.self))
        }
        let others = (try theirs.ask("all", ["name": "work"])["data"] as? [String] ?? [])
            .compactMap { Data(base64Encoded: $0) }.map { String(decoding: $0, as: UTF8.self) }
        #expect(!mine.isEmpty && !others.isEmpty)
        #expect((mine + others).sorted() == (0..<200).map { "\($0)" }.sorted())
    }

    @Test("questions and answers, with headers, and none where nobody listens")
    func requests() throws {
        try theirs.ask("answer", ["subject": "theirs.question"])
        let read = try answer(to: "how?", on: "theirs.question", headers: Self.headers)
        #expect(read.payload == Array("re: how?".utf8))
        for (name, value) in Self.colours { #expect(read.headers[name] == value) }

        #expect(try theirs.ask("request", ["subject": "nobody"])["none"] as? Bool == true)
        _ = try ours.session.subscribe(to: "ours.question")
        try sync()
        // Asked from another thread, since this one has to answer.
        try theirs.ask("subscribe", ["subject": "answers"])
        try theirs.ask("publish", ["subject": "ours.question", "data": "why?".base64, "reply": "answers"])
        let question = try message()
        #expect(question.payload == Array("why?".utf8))
        try ours.session.publish(Array("because".utf8), to: try #require(question.reply), headers: Self.headers)
        ours.flush()
        let heard = try theirs.ask("next", ["name": "answers"])
        #expect(heard["data"] as? String == "because".base64)
        #expect(heard["headers"] as? [String: String] == Self.colours)
    }

    @Test("messages of a stream: stored by either, read by the other, at the leader and directly")
    func streams() throws {
        let api = try JetStreamAPI()
        try theirs.ask("stream", ["name": "S", "subjects": ["s.>"]])
        let first = try theirs.ask(
            "store", ["subject": "s.a", "data": "one".base64, "headers": Self.colours])
        #expect(first["sequence"] as? Int == 1)
        let stored = try JetStreamStoredMessage.read(
            try answer(to: #"{"last_by_subj":"s.a"}"#, on: api.getMessage("S")).payload
        ).get()
        #expect((stored.subject, stored.sequence, stored.payload) == ("s.a", 1, Array("one".utf8)))
        for (name, value) in Self.colours { #expect(stored.headers[name] == value) }
        let direct = try answer(to: "", on: api.directGetLast("S", subject: "s.a"))
        #expect((direct.headers.sequence, direct.headers.stream, direct.headers.streamSubject) == (1, "S", "s.a"))
        #expect(direct.payload == Array("one".utf8))

        // The same id is a repeat, and a guard that does not hold is refused, for both alike.
        let acknowledged = try JetStreamAcknowledgement.read(
            try answer(to: "one", on: "s.a", headers: Self.headers).payload)
        #expect(acknowledged == .success(JetStreamAcknowledgement(stream: "S", sequence: 1, isDuplicate: true)))
        var guarded = NATSHeaders()
        guarded.add(expectedLastSubjectSequence: 7)
        let refused = try JetStreamAcknowledgement.read(try answer(to: "x", on: "s.a", headers: guarded).payload)
        #expect(throws: JetStreamError.self) { try refused.get() }
        let theirRefusal = try theirs.ask(
            "store", ["subject": "s.a", "headers": ["Nats-Expected-Last-Subject-Sequence": "7"]])
        #expect(theirRefusal["error"] as? Int == JetStreamError.wrongLastSequence)

        var second = NATSHeaders()
        try second.add("Colour", "green")
        second.add(expectedLastSubjectSequence: 0)
        let mine = try JetStreamAcknowledgement.read(try answer(to: "two", on: "s.b", headers: second).payload).get()
        #expect((mine.stream, mine.sequence, mine.isDuplicate) == ("S", 2, false))
        let read = try theirs.ask("get", ["stream": "S", "sequence": 2])
        #expect(read["subject"] as? String == "s.b")
        #expect(read["data"] as? String == "two".base64)
        #expect((read["headers"] as? [String: String])?["Colour"] == "green")
    }

    @Test("values under keys: put, read and deleted by either")
    func values() throws {
        let api = try JetStreamAPI()
        try theirs.ask("bucket", ["name": "B"])
        #expect(try theirs.ask("put", ["bucket": "B", "key": "k", "data": "one".base64])["revision"] as? Int == 1)
        let read = try answer(to: "", on: api.directGetLast("KV_B", subject: "$KV.B.k"))
        #expect((read.payload, read.headers.sequence) == (Array("one".utf8), 1))

        var headers = NATSHeaders()
        headers.add(expectedLastSubjectSequence: 1)
        let put = try JetStreamAcknowledgement.read(try answer(to: "two", on: "$KV.B.k", headers: headers).payload)
        #expect(put == .success(JetStreamAcknowledgement(stream: "KV_B", sequence: 2)))
        let value = try theirs.ask("value", ["bucket": "B", "key": "k"])
        #expect(value["data"] as? String == "two".base64)
        #expect(value["revision"] as? Int == 2)

        try theirs.ask("delete", ["bucket": "B", "key": "k"])
        let gone = try answer(to: "", on: api.directGetLast("KV_B", subject: "$KV.B.k"))
        #expect((gone.headers["KV-Operation"], gone.payload) == ("DEL", []))
        var deletion = NATSHeaders()
        try deletion.add("KV-Operation", "DEL")
        _ = try answer(to: "three", on: "$KV.B.other")
        _ = try answer(to: "", on: "$KV.B.other", headers: deletion)
        #expect(try theirs.ask("value", ["bucket": "B", "key": "other"])["gone"] as? String != nil)
    }
}
