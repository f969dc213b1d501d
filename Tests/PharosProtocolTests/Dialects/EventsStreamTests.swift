import PharosBytes
import PharosDomain
import PharosProtocol
import PharosTestKit
import Testing

@Suite("Plain event streams: after the first message")
struct EventsStreamTests {
    private typealias Scene = EventsScene

    private static func positioned(_ offset: UInt64) -> (inout SubscribeResult) -> Void {
        { ($0.positioned, $0.offset, $0.epoch) = (true, offset, "e1") }
    }

    // MARK: Lanes

    @Test("the only channel of the address is read in a shared lane, in the form asked for")
    func solo() throws {
        let named = try Scene.begun("channel=a", channels: ["a"], Self.positioned(4))
        #expect(named.lane("a", isOnly: true) == .shared(form: EventStreamForm.named.rawValue))
        let array = try Scene.begun("channel=a&format=array", channels: ["a"])
        #expect(array.lane("a", isOnly: true) == .shared(form: EventStreamForm.array.rawValue))
        // What comes in the shared lane is not sent once more.
        #expect(named.published("a", "5", offset: 5) == [])
    }

    @Test("a solo stream stands where its channel does, and keeps no position itself")
    func soloPosition() throws {
        let scene = try Scene.begun("channel=a", channels: ["a"], Self.positioned(4))
        let push = Push.Event.publication(Publication(data: utf8("5"), offset: 5), epoch: "e1")
        #expect(scene.pushed("a", push) == ["send event: a\nid: v2.\ndata: 5\n\n"])
    }

    @Test("several channels, or a key, have lanes of their own from the start")
    func own() throws {
        let several = try Scene("channel=a&channel=b")
        #expect(several.lane("a", isOnly: true) == .own(movesOthers: false))
        let keyed = try Scene("channel=a&session=abcdefghijklmnopqrstuv")
        #expect(keyed.lane("a", isOnly: true) == .own(movesOthers: false))
    }

    @Test("with a second channel the first one becomes the stream's own, at the position given")
    func second() throws {
        let scene = try Scene.begun("channel=a", channels: ["a"], Self.positioned(4))
        #expect(scene.lane("b", isOnly: false) == .own(movesOthers: true))
        scene.conversation.stands(in: "a", at: StreamPosition(offset: 9, epoch: "e1"))
        #expect(scene.lane("c", isOnly: false) == .own(movesOthers: false))
        var subscription = ServerSubscription()
        (subscription.positioned, subscription.offset, subscription.epoch) = (true, 2, "e1")
        #expect(scene.pushed("b", .subscribe(subscription)) == [])
        #expect(
            scene.published("a", "x", offset: 10) == ["send event: a\nid: \(Scene.id(["a": 10, "b": 2]))\ndata: x\n\n"])
        #expect(
            scene.published("b", "y", offset: 3) == ["send event: b\nid: \(Scene.id(["a": 10, "b": 3]))\ndata: y\n\n"])
        // A channel without positions leaves those of the others.
        #expect(scene.published("c", "z") == ["send event: c\nid: \(Scene.id(["a": 10, "b": 3]))\ndata: z\n\n"])
    }

    @Test("a shared lane has ids with its own channel's position, or none")
    func sharedBytes() {
        func text(_ form: EventStreamForm, _ publication: Publication) -> String {
            Wire.text {
                _ = EventsDialect().encodePublication(
                    publication, in: "a", epoch: "e1", form: form.rawValue, into: &$0)
            }
        }
        let positioned = Publication(data: utf8("{}"), offset: 5)
        #expect(text(.named, positioned) == "event: a\nid: \(Scene.id(["a": 5]))\ndata: {}\n\n")
        #expect(text(.array, positioned) == "id: \(Scene.id(["a": 5]))\ndata: [\"a\",\"{}\"]\n\n")
        #expect(text(.named, Publication(data: utf8("{}"))) == "event: a\ndata: {}\n\n")
    }

    // MARK: Positions

    @Test("a new epoch comes with the publication in one's own lane, and is that of the position in a push")
    func epochs() throws {
        let scene = try Scene.begun("channel=a&channel=b", channels: ["a", "b"], Self.positioned(4))
        _ = scene.published("a", "1", offset: 1, epoch: "e2")
        let id = PositionCursor.encode([
            ("a", StreamPosition(offset: 2, epoch: "e2")), ("b", StreamPosition(offset: 4, epoch: "e1")),
        ])
        let push = Push.Event.publication(Publication(data: utf8("2"), offset: 2), epoch: "e3")
        #expect(scene.pushed("a", push) == ["send event: a\nid: \(id)\ndata: 2\n\n"])
    }

    @Test("a publication that the stream is not to get moves its position, where there is one")
    func passedOver() throws {
        let scene = try Scene.begun("channel=a&channel=b", channels: ["a", "b"], Self.positioned(4))
        scene.conversation.passedOver(Publication(data: [], offset: 5), in: "a", epoch: "e1")
        scene.conversation.passedOver(Publication(data: [], offset: 0), in: "b", epoch: "e1")
        scene.conversation.passedOver(Publication(data: [], offset: 8), in: "c", epoch: "e1")
        #expect(scene.published("c", "z") == ["send event: c\nid: \(Scene.id(["a": 5, "b": 4]))\ndata: z\n\n"])
    }

    @Test("channels beyond those that an id has room for have no position")
    func room() throws {
        let scene = try EventsScene("channel=a&channel=b") {
            $0.cursorSpace = PositionCursor.sizeLimit(channels: 2)
        }
        _ = scene.opened()
        _ = scene.connected()
        _ = scene.subscribed(2, Self.positioned(1))
        _ = scene.subscribed(3, Self.positioned(2))
        var subscription = ServerSubscription()
        (subscription.positioned, subscription.offset, subscription.epoch) = (true, 3, "e1")
        _ = scene.pushed("c", .subscribe(subscription))
        #expect(
            scene.published("c", "4", offset: 4) == ["send event: c\nid: \(Scene.id(["a": 1, "b": 2]))\ndata: 4\n\n"])
        // One that goes makes room.
        _ = scene.pushed("a", .unsubscribe(.server))
        _ = scene.pushed("c", .subscribe(subscription))
        #expect(
            scene.published("c", "4", offset: 4) == ["send event: c\nid: \(Scene.id(["b": 2, "c": 4]))\ndata: 4\n\n"])
    }

    // MARK: Pushes

    @Test("the end of a subscription is an error if the client would subscribe again")
    func unsubscribed() throws {
        let scene = try Scene.begun("channel=a&channel=b", channels: ["a", "b"], Self.positioned(4))
        #expect(scene.pushed("a", .unsubscribe(.server)) == [])
        #expect(
            scene.pushed("b", .unsubscribe(.expired)) == [
                "send " + Scene.failure("subscription-failure", "subscription expired", "b")
            ])
        #expect(scene.published("b", "5", offset: 5) == ["send event: b\nid: v2.\ndata: 5\n\n"])
    }

    @Test("pushes for which plain event streams have no words are left out")
    func silent() throws {
        let scene = try Scene.begun("channel=a", channels: ["a"])
        let info = ClientInfo(user: "u", client: "c")
        for event: Push.Event in [
            .join(info), .leave(info), .message(data: utf8("1")), .connect(ConnectResult()), .disconnect(.shutdown),
            .refresh(expires: true, ttl: 1), .subscribe(ServerSubscription()),
        ] {
            #expect(scene.pushed("a", event) == [])
        }
    }

    @Test("messages to the connection itself, in both forms")
    func messages() throws {
        let named = try Scene.begun("channel=a", channels: ["a"])
        #expect(named.message(#"{"hi":1}"#) == [#"send data: {"message":{"hi":1}}\#n\#n"#])
        #expect(named.message("hi", isJSON: false) == nil)
        let array = try Scene.begun("channel=a&format=array", channels: ["a"])
        #expect(array.message("hi", isJSON: false) == [#"send data: ["/unifrost/message","hi"]\#n\#n"#])
        #expect(array.speaker.message([0xFF], isJSON: false) == nil)
    }

    @Test("publications that were dropped, and pings")
    func droppedAndPings() throws {
        let scene = try Scene.begun("channel=a", channels: ["a"])
        #expect(scene.dropped(3, "a") == ["send " + Scene.failure("lagging", "3 publications were dropped", "a")])
        #expect(scene.pinged() == ["send :\n\n"])
    }

    @Test("a publication that the form cannot carry is an error, with its id")
    func notRepresentable() throws {
        let scene = try Scene.begun("channel=a&channel=b", channels: ["a", "b"], Self.positioned(4))
        func said(_ channel: ChannelName, _ data: [UInt8]) -> String {
            var publication = Publication(data: data)
            publication.isJSON = false
            return scene.speaker.publish(publication, in: channel).messages
                .map { String(decoding: $0, as: UTF8.self) }.joined()
        }
        let id = Scene.id(["a": 4, "b": 4])
        let code = "not-representable"
        #expect(
            said("a", utf8("x\ry"))
                == Scene.failure(code, "a publication has a carriage return, which this form cannot carry", "a", id: id)
        )
        #expect(said("a", [0xFF]) == Scene.failure(code, "a publication is no text", "a", id: id))
        #expect(said("x\ny", utf8("1")) == Scene.failure(code, "the channel's name has a line break", #"x\ny"#, id: id))
    }

    // MARK: The end

    @Test("the last message, once and in both forms")
    func ended() throws {
        let named = try Scene.begun("channel=a", channels: ["a"])
        #expect(named.ended(.shutdown) == ["end data: Client closed\n\n"])
        #expect(named.ended(.shutdown) == [] && named.pinged() == [] && named.message("1") == nil)
        #expect(named.pushed("a", .unsubscribe(.expired)) == [] && named.dropped(1, "a") == [])
        let array = try Scene.begun("channel=a&format=array", channels: ["a"])
        #expect(array.ended(.shutdown) == [#"end data: ["/unifrost/closed","Client closed"]\#n\#n"#])
    }

    @Test("nothing is read from the client")
    func oneWay() throws {
        let scene = try Scene.begun("channel=a", channels: ["a"])
        #expect(throws: MalformedFrame.self) { try scene.speaker.hear(utf8("{}")) }
    }
}
