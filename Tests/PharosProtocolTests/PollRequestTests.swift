import PharosDomain
import PharosProtocol
import Testing

@Suite("Requests of polls and event streams")
struct PollRequestTests {
    private static let key = "abcdefghijklmnopqrst-_"

    /// Calls `body` with fields that point to these texts.
    private func withFields<Value>(
        _ lastEventID: String? = nil, authorization: String? = nil, timeout: String? = nil,
        _ query: String, _ body: (UnsafeRawBufferPointer, RequestFields) throws -> Value
    ) rethrows -> Value {
        func use<Inner>(_ text: String?, _ body: (UnsafeRawBufferPointer?) throws -> Inner) rethrows -> Inner {
            guard let text else { return try body(nil) }
            return try utf8(text).withUnsafeBytes { try body($0) }
        }
        return try use(lastEventID) { id in
            try use(authorization) { authorization in
                try use(timeout) { timeout in
                    try utf8(query).withUnsafeBytes { query in
                        try body(
                            query,
                            RequestFields(lastEventID: id, authorization: authorization, requestTimeout: timeout))
                    }
                }
            }
        }
    }

    private func poll(_ query: String, authorization: String? = nil, timeout: String? = nil) throws -> PollRequest {
        try withFields(authorization: authorization, timeout: timeout, query) {
            try PollRequest.decode(query: $0, fields: $1)
        }
    }

    private func events(
        _ query: String, lastEventID: String? = nil, authorization: String? = nil
    ) throws -> EventsRequest {
        try withFields(lastEventID, authorization: authorization, query) {
            try EventsRequest.decode(query: $0, fields: $1)
        }
    }

    private func session(_ query: String, isPost: Bool = false) throws -> SessionPollRequest {
        try utf8(query).withUnsafeBytes { try SessionPollRequest.decode(query: $0, isPost: isPost) }
    }

    @Test("a poll of one channel has defaults")
    func defaults() throws {
        var expected = PollRequest()
        expected.channels = [.init("news", .newest)]
        #expect(try poll("channel=news") == expected)
        #expect(expected.waitSeconds == 25 && expected.limit == 100 && !expected.isExclusive && !expected.isRoom)
    }

    @Test("positions by since, by cursor, and where to begin without")
    func positions() throws {
        let one = PollRequest.Start.after(StreamPosition(offset: 41, epoch: "e"))
        #expect(try poll("channel=a&since=e:41").channels == [.init("a", one)])
        #expect(
            try poll("channel=a&since=e%3A41&channel=b&since=&from=oldest").channels == [
                .init("a", one), .init("b", .oldest),
            ])
        #expect(try poll("cursor=v1.YQ~e~41&channel=b&channel=a").channels == [.init("b", .newest), .init("a", one)])
        #expect(try poll("channel=a&cursor=&from=oldest").channels == [.init("a", .oldest)])
        #expect(try poll("channel=a&since=7").channels == [.init("a", .after(StreamPosition(offset: 7)))])
    }

    @Test("token from the query or the header")
    func tokens() throws {
        #expect(try poll("channel=a&token=t", authorization: "Bearer h").token == "t")
        #expect(try poll("channel=a", authorization: "bearer  h.e.x").token == "h.e.x")
        #expect(try poll("channel=a", authorization: "Basic abc").token == "")
        #expect(try events("channel=a", authorization: "Bearer h").token == "h")
    }

    @Test(
        "each error names its parameter",
        arguments: [
            ("", "channel"), ("channel=", "channel"), ("channel=a%0Ab", "channel"), ("channel=a&channel=a", "channel"),
            ("channel=a&wait=61", "wait"), ("channel=a&wait=-1", "wait"), ("channel=a&wait=", "wait"),
            ("channel=a&wait=1.5", "wait"), ("channel=a&wait=99999999999999999999", "wait"),
            ("channel=a&limit=0", "limit"),
            ("channel=a&limit=1001", "limit"), ("channel=a&from=middle", "from"),
            ("channel=a&exclusive=yes", "exclusive"),
            ("channel=a&since=x", "since"), ("channel=a&since=1&since=2", "since"),
            ("channel=a&channel=b&since=1", "since"),
            ("channel=a&since=1&cursor=v1.", "cursor"), ("channel=a&cursor=v3.x", "cursor"),
            ("channel=a&cursor=v2.x", "cursor"),
            ("channel=a&cursor=x", "cursor"),
            ("channel=a&last_seq=-1", "last_seq"), ("channel=a&last_seq=1&since=2", "last_seq"),
            ("channel=a&last_seq=1&cursor=v1.", "last_seq"), ("channel=a&offset_newest=2", "offset_newest"),
            ("channel=a&channel=b&last_seq=1", "channel"), ("channel=a&token=%ff", "token"),
        ])
    func pollErrors(query: String, name: FieldName) {
        do throws(PollRequestError) {
            _ = try utf8(query).withUnsafeBufferPointer { bytes throws(PollRequestError) in
                try PollRequest.decode(query: UnsafeRawBufferPointer(bytes), fields: RequestFields())
            }
            Issue.record("accepted")
        } catch {
            guard case .parameter(let error) = error else {
                Issue.record("another error")
                return
            }
            #expect(error.name == name)
            #expect(error.message.hasPrefix("\(name): "))
        }
    }

    @Test("128 channels, not one more")
    func channelLimit() throws {
        let query = (0..<128).map { "channel=\($0)" }.joined(separator: "&")
        #expect(try poll(query).channels.count == 128)
        #expect(try events(query).channels.count == 128)
        #expect(throws: PollRequestError.parameter(ParameterError("channel", "at most 128"))) {
            try poll(query + "&channel=x")
        }
        #expect(throws: ParameterError("channel", "at most 128")) { try events(query + "&channel=x") }
    }

    @Test("rooms: last_seq, from the newest or the oldest (GE-3, GE-4)")
    func rooms() throws {
        #expect(try poll("channel=r&last_seq=4").channels == [.init("r", .after(StreamPosition(offset: 4)))])
        #expect(try poll("channel=r&last_seq=0").channels == [.init("r", .oldest)])
        #expect(try poll("channel=r&last_seq=0&offset_newest=true").channels == [.init("r", .newest)])
        #expect(try poll("channel=r&offset_newest=true").channels == [.init("r", .newest)])
        #expect(
            try poll("channel=r&last_seq=4&offset_newest=true").channels == [
                .init("r", .after(StreamPosition(offset: 4)))
            ])
        let request = try poll("channel=r&last_seq=4")
        #expect(request.isRoom && request.isExclusive && request.waitSeconds == 25)
    }

    @Test("Request-Timeout: less a second, at least ten, at most two minutes")
    func timeouts() throws {
        let request = try poll("channel=r", timeout: "30")
        #expect(request.isRoom && request.waitSeconds == 29 && request.channels == [.init("r", .newest)])
        #expect(try poll("channel=r", timeout: "11").waitSeconds == 10)
        #expect(try poll("channel=r", timeout: "3600").waitSeconds == 120)
        #expect(throws: PollRequestError.shortPollingTimeout) { try poll("channel=r", timeout: "10") }
        for timeout in ["0", "", "x", "1.5", "-3", "30s"] {
            #expect(throws: PollRequestError.self) { try poll("channel=r", timeout: timeout) }
        }
        #expect(throws: PollRequestError.self) { try poll("channel=r&channel=s", timeout: "30") }
    }

    @Test("an event stream: channels once each, form, session under either name")
    func eventStreams() throws {
        var expected = EventsRequest()
        expected.channels = ["a", "b"]
        #expect(try events("channel=a&channel=b&channel=a&other=1") == expected)
        #expect(try events("channel=a&format=array").form == .array)
        #expect(try events("session=\(Self.key)").session == SessionKey(Self.key))
        #expect(try events("id=\(Self.key)&session=\(Self.key)").session == SessionKey(Self.key))
        #expect(try events("token=t").channels.isEmpty)
    }

    @Test("Last-Event-ID: the header wins, and what is not ours means continuity is lost")
    func lastEventID() throws {
        func after(_ offset: UInt64) -> EventsRequest.Resume {
            .after(PositionVector(["a": StreamPosition(offset: offset, epoch: "e")]))
        }
        #expect(try events("channel=a").resume == .fromNow)
        #expect(try events("channel=a&last_event_id=v1.YQ~e~1").resume == after(1))
        #expect(try events("channel=a&last_event_id=v1.YQ~e~1", lastEventID: "v1.YQ~e~2").resume == after(2))
        #expect(try events("channel=a&last_event_id=v1.YQ~e~1", lastEventID: "").resume == after(1))
        #expect(try events("channel=a", lastEventID: "42").resume == .after(.lost))
        #expect(try events("channel=a", lastEventID: "v2.x").resume == .after(.lost))
        #expect(try events("channel=a", lastEventID: "v1.").resume == .after(PositionVector([:])))
        #expect(try events("channel=a", lastEventID: "v1.YQ~e~2").resumeLength == 9)
    }

    @Test(
        "stand-ins for EventSource send the id under names of their own",
        arguments: [
            "last_event_id", "lastEventId", "lastEventID", "Last-Event-ID", "last-event-id", "LastEventId",
            "lasteventid",
            "evs_last_event_id",
        ])
    func lastEventIDNames(name: String) throws {
        let after = EventsRequest.Resume.after(PositionVector(["a": StreamPosition(offset: 1, epoch: "e")]))
        #expect(try events("channel=a&\(name)=v1.YQ~e~1").resume == after)
        // The page's own id is older than the one that was added.
        #expect(try events("channel=a&last_event_id=v1.YQ~e~0&\(name)=v1.YQ~e~1").resume == after)
        #expect(try events("channel=a&\(name)=v1.YQ~e~1&\(name)=").resume == after)
        #expect(try events("channel=a&\(name)=").resume == .fromNow)
        #expect(try events("channel=a&x\(name)=v1.YQ~e~1&\(name)s=v1.YQ~e~1").resume == .fromNow)
    }

    @Test(
        "errors of event streams name their parameter",
        arguments: [
            ("", "channel"), ("channel=a%0Db", "channel"), ("channel=a&format=xml", "format"),
            ("session=short", "session"),
            ("id=abcdefghijklmnopqrstu!", "id"),
            ("id=abcdefghijklmnopqrstuv&session=abcdefghijklmnopqrstuw", "session"),
        ])
    func eventErrors(query: String, name: FieldName) {
        do {
            _ = try events(query)
            Issue.record("accepted")
        } catch {
            #expect((error as? ParameterError)?.name == name)
        }
    }

    @Test("a poll with a session")
    func sessions() throws {
        let key = SessionKey(Self.key)
        #expect(try session("session=\(key)") == SessionPollRequest(session: key, cursor: nil, waitSeconds: 25))
        #expect(
            try session("session=\(key)", isPost: true) == SessionPollRequest(session: key, cursor: nil, waitSeconds: 0)
        )
        #expect(
            try session("session=\(key)&cursor=812&wait=60")
                == SessionPollRequest(session: key, cursor: 812, waitSeconds: 60))
        #expect(throws: ParameterError("session", "required")) { try session("cursor=1") }
        for query in ["cursor=x", "wait=61", "cursor=01"] {
            #expect(throws: ParameterError.self, "\(query)") { try session("session=\(key)&\(query)") }
        }
    }

    @Test("session keys: 22 to 64 of 64 characters")
    func keys() {
        #expect(SessionKey(Self.key).isValid && SessionKey(String(repeating: "Z", count: 64)).isValid)
        for key in [
            "", String(repeating: "a", count: 21), String(repeating: "a", count: 65), "abcdefghijklmnopqrst u",
            "abcdefghijklmnopqrstué",
        ] {
            #expect(!SessionKey(key).isValid)
        }
    }
}
