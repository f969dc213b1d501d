import PharosBytes
import PharosDomain
import PharosProtocol
import PharosTestKit
import Testing

@Suite("Plain event streams: until the first message")
struct EventsConversationTests {
    private typealias Scene = EventsScene

    private static let key = "abcdefghijklmnopqrstuv"

    private func subscribe(_ id: Int, _ channel: String, from position: StreamPosition? = nil) -> String {
        let offset = position.map { $0.offset > 0 ? #""offset":\#($0.offset),"# : "" } ?? ""
        let recover = position.map { #""recover":true,"epoch":"\#($0.epoch)",\#(offset)"# } ?? ""
        return #"{"id":\#(id),"subscribe":{"channel":"\#(channel)",\#(recover)"positioned":true,"recoverable":true}}"#
    }

    // MARK: The request

    @Test("the connect has the token, and the positions that the client brings")
    func opened() throws {
        #expect(try Scene("channel=a&token=t").opened() == [#"{"id":1,"connect":{"token":"t"}}"#])
        let scene = try Scene("channel=a&last_event_id=\(Scene.id(["a": 7]))")
        guard case .connect(let connect)? = scene.speaker.open(as: "c1").commands.first?.request else {
            Issue.record("no connect")
            return
        }
        #expect(connect.positions?.position(of: "a") == StreamPosition(offset: 7, epoch: "e1"))
        guard case .connect(let first)? = try Scene("channel=a").speaker.open(as: "c1").commands.first?.request else {
            Issue.record("no connect")
            return
        }
        #expect(first.positions == nil)
    }

    @Test("parameters that are not as they have to be are refused with their names")
    func badParameters() throws {
        for (query, message) in [
            ("", "channel: at least one without a token or a session"),
            ("channel=a&format=x", "format: only array is known"),
            ("channel=", "channel: must not be empty"),
        ] {
            #expect(throws: ConversationRefusal(status: 400, message: message)) { try Scene(query) }
        }
        #expect(throws: Never.self) { try Scene("") { $0.isKnown = true } }
    }

    @Test("more channels than a request could resume are refused, unless it has been here before")
    func tooManyChannels() throws {
        let query = "channel=a&channel=b&channel=c"
        let space = PositionCursor.sizeLimit(channels: 2)
        #expect(throws: ConversationRefusal.addressTooLong) { try Scene(query) { $0.cursorSpace = space } }
        #expect(throws: Never.self) { try Scene("channel=a&channel=b") { $0.cursorSpace = space } }
        #expect(throws: Never.self) {
            try Scene(query + "&last_event_id=\(Scene.id(["a": 7]))") { $0.cursorSpace = 0 }
        }
    }

    // MARK: The connect

    @Test(
        "a refused connect is a status, and then there is silence",
        arguments: [
            (ReplyError.tokenExpired, "refuse 401 token expired"), (.internalError, "refuse 503 internal server error"),
            (.permissionDenied, "refuse 403 permission denied"),
        ])
    func refused(error: ReplyError, line: String) throws {
        let scene = try Scene("channel=a")
        _ = scene.opened()
        #expect(scene.refused(1, error) == [line])
        #expect(scene.connected() == [] && scene.subscribed(2) == [] && scene.ended(.shutdown) == [])
        #expect(scene.published("a", "1") == [] && scene.message("1") == nil && scene.pinged() == [])
    }

    @Test("answers to requests of other pages have their field lines, until the stream has begun")
    func fields() throws {
        let scene = try Scene("channel=a") { $0.answerFields = utf8("Vary: Origin\r\n") }
        _ = scene.opened()
        #expect(scene.refused(1, .permissionDenied) == ["refuse 403 permission denied Vary: Origin\r\n"])
        let other = try Scene("channel=a") { $0.answerFields = utf8("Vary: Origin\r\n") }
        _ = other.opened()
        #expect(other.connected() == ["begin Vary: Origin\r\n", subscribe(2, "a")])
    }

    @Test("after the connect come the subscribes, and after the last answer the first message")
    func several() throws {
        let scene = try Scene("channel=a&channel=b")
        _ = scene.opened()
        #expect(scene.connected() == ["begin", subscribe(2, "a") + "\n" + subscribe(3, "b")])
        #expect(scene.subscribed(3) == [])
        #expect(scene.subscribed(2) == ["send " + Scene.info(#""b","a""#)])
        #expect(scene.subscribed(2) == [] && scene.connected() == [])
    }

    @Test("a client that names no channel gets those of its token, in the order of their names")
    func serverSide() throws {
        let scene = try Scene("token=t")
        _ = scene.opened()
        let lines = scene.connected {
            $0.subscriptions = ["b": SubscribeResult(), "a": SubscribeResult(), "x\ny": SubscribeResult()]
        }
        #expect(lines == ["begin", "send " + Scene.info(#""a","b""#)])
    }

    @Test("what the connect brought is not asked for again, and the others keep their ids")
    func partlyServerSide() throws {
        let scene = try Scene("channel=a&channel=b&channel=c")
        _ = scene.opened()
        let lines = scene.connected { $0.subscriptions = ["b": SubscribeResult()] }
        #expect(lines == ["begin", subscribe(2, "a") + "\n" + subscribe(4, "c")])
        _ = scene.subscribed(2)
        #expect(scene.subscribed(4) == ["send " + Scene.info(#""b","a","c""#)])
    }

    // MARK: Subscribes

    @Test("the error of a refused subscribe follows the first message")
    func refusedSubscribe() throws {
        let scene = try Scene("channel=a&channel=b")
        _ = scene.opened()
        _ = scene.connected()
        #expect(scene.refused(3, .permissionDenied) == [])
        #expect(
            scene.subscribed(2) == [
                "send " + Scene.info(#""a""#) + Scene.failure("subscription-failure", "permission denied", "b")
            ])
    }

    @Test("a subscribe that fails for now ends the stream, without an id, so that the reader comes back as it came")
    func failsForNow() throws {
        let scene = try Scene("channel=a&channel=b")
        _ = scene.opened()
        _ = scene.connected()
        #expect(scene.refused(3, .internalError) == [])
        #expect(
            scene.subscribed(2) == [
                "send retry: 4118\n" + Scene.failure("subscription-failure", "internal server error", "b"),
                "disconnect 3004",
            ])
    }

    @Test("answers to commands that the stream has not sent are passed over")
    func foreignAnswers() throws {
        let scene = try Scene("channel=a")
        _ = scene.opened()
        _ = scene.connected()
        #expect(scene.subscribed(0) == [] && scene.subscribed(3) == [] && scene.subscribed(.max) == [])
        #expect(scene.refused(9, .permissionDenied) == [])
        #expect(scene.subscribed(2) == ["send " + Scene.info(#""a""#)])
    }

    @Test("a stream that resumes says of each channel whether something is missing", arguments: [true, false])
    func resumed(recovered: Bool) throws {
        let scene = try Scene("channel=a&channel=b&last_event_id=\(Scene.id(["a": 7]))")
        _ = scene.opened()
        let from = StreamPosition(offset: 7, epoch: "e1")
        #expect(scene.connected() == ["begin", subscribe(2, "a", from: from) + "\n" + subscribe(3, "b")])
        _ = scene.subscribed(2) {
            ($0.wasRecovering, $0.recovered, $0.positioned, $0.offset, $0.epoch) = (true, recovered, true, 7, "e1")
        }
        // The newest value of a cache, say: nothing was asked for, so nothing is said about it.
        let lines = scene.subscribed(3) { ($0.wasRecovering, $0.recovered) = (true, true) }
        #expect(lines == ["send " + Scene.info(#""a","b""#, recovered: "\"a\":\(recovered)", id: Scene.id(["a": 7]))])
    }

    @Test("an id that says nothing to us is one from which everything is lost")
    func lost() throws {
        let scene = try Scene("channel=a&last_event_id=nonsense")
        _ = scene.opened()
        #expect(scene.connected() == ["begin", subscribe(2, "a", from: StreamPosition(offset: 0, epoch: "_"))])
        let lines = scene.subscribed(2) { $0.wasRecovering = true }
        #expect(lines == ["send " + Scene.info(#""a""#, recovered: #""a":false"#)])
    }

    @Test("a client with a key goes on with its session, if there is one", arguments: [true, false])
    func session(withState: Bool) throws {
        let scene = try Scene("channel=a&session=\(Self.key)")
        _ = scene.opened()
        scene.conversation.continued(withState: withState)
        _ = scene.connected()
        let lines = scene.subscribed(2) { ($0.wasRecovering, $0.recovered) = (true, true) }
        let recovered = withState ? #""a":true"# : ""
        #expect(lines == ["send " + Scene.info(#""a""#, recovered: recovered, client: Self.key, ttl: 60_000)])
    }

    @Test("what was missed follows the first message, each with the positions up to it")
    func backlog() throws {
        let scene = try Scene("channel=a&channel=b")
        _ = scene.opened()
        _ = scene.connected()
        _ = scene.subscribed(2) {
            ($0.positioned, $0.offset, $0.epoch) = (true, 4, "e1")
            $0.publications = [Publication(data: utf8("5"), offset: 5), Publication(data: utf8("6"), offset: 6)]
        }
        #expect(scene.published("a", "7", offset: 7) == [])
        #expect(scene.pushed("b", .publication(Publication(data: utf8("0")), epoch: "")) == [])
        #expect(
            scene.subscribed(3) == [
                "send " + Scene.info(#""a","b""#, id: Scene.id(["a": 4])),
                "send event: a\nid: \(Scene.id(["a": 5]))\ndata: 5\n\n",
                "send event: a\nid: \(Scene.id(["a": 6]))\ndata: 6\n\n",
                "send event: a\nid: \(Scene.id(["a": 7]))\ndata: 7\n\n",
                "send event: b\nid: \(Scene.id(["a": 7]))\ndata: 0\n\n", "allow",
            ])
    }

    @Test("messages that come before the first one follow it at once")
    func earlyMessages() throws {
        let scene = try Scene("channel=a")
        _ = scene.opened()
        #expect(scene.message(#"{"hi":1}"#) == [])
        #expect(scene.message("hi", isJSON: false) == nil)
        _ = scene.connected()
        let message = #"data: {"message":{"hi":1}}\#n\#n"#
        #expect(scene.subscribed(2) == ["send " + Scene.info(#""a""#) + message])
    }

    // MARK: The end

    @Test(
        "an end before the head is a status",
        arguments: [
            (Disconnect.shutdown, "refuse 503 shutdown"), (.invalidToken, "refuse 401 invalid token"),
            (.permissionDenied, "refuse 403 permission denied"),
        ])
    func endBeforeHead(reason: Disconnect, line: String) throws {
        let scene = try Scene("channel=a")
        _ = scene.opened()
        #expect(scene.ended(reason) == [line])
        #expect(scene.ended(reason) == [])
    }

    @Test("an end between the head and the first message is the last message")
    func endAfterHead() throws {
        let scene = try Scene("channel=a")
        _ = scene.opened()
        _ = scene.connected()
        #expect(scene.ended(.invalidToken) == ["end data: Client closed\n\n"])
        #expect(scene.subscribed(2) == [] && scene.ended(.shutdown) == [])
    }
}
