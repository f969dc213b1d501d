import PharosDomain
import PharosProtocol
import PharosTestKit
import Testing

@Suite("A dialect in which the server speaks first")
struct HelloConversationTests {
    private func open(window: Int = 4, over framing: TransportFraming = .frame) throws -> DialectSpeaker {
        var request = ConversationRequest()
        (request.framing, request.pingSeconds) = (framing, 25)
        return try DialectSpeaker(HelloDialect(window: window), request)
    }

    private func subscribed(window: Int = 4, over framing: TransportFraming = .frame) throws -> DialectSpeaker {
        let speaker = try open(window: window, over: framing)
        _ = speaker.open(as: "c1")
        _ = try speaker.hear(utf8(#"{"token":"t"}"#))
        _ = speaker.say(Reply(id: HelloConversation.connectID, result: .connect(ConnectResult())))
        _ = try speaker.hear(utf8(#"{"event":"x","channel":"y","sid":1}"#))
        _ = speaker.say(Reply(id: 1, result: .subscribe(SubscribeResult())))
        return speaker
    }

    private func said(_ text: String) -> [DialectSpeaker.Said] { [.message(utf8(text))] }

    @Test("the greeting comes first, then the client says who it is")
    func greeting() throws {
        let speaker = try open()
        #expect(throws: MalformedFrame.self) { try speaker.hear(utf8(#"{"event":"x","channel":"y","sid":1}"#)) }
        #expect(speaker.open(as: "c1") == said(#"{"hello":{"client":"c1","ping":25}}"#))
        let connect = Command.connect(id: HelloConversation.connectID, token: "t")
        #expect(try speaker.hear(utf8(#"{"token":"t"}"#)) == [.commands([connect])])
        #expect(speaker.say(Reply(id: connect.id, result: .connect(ConnectResult()))) == said(#"{"ready":true}"#))
    }

    @Test("publications come under the name that the client chose")
    func names() throws {
        let speaker = try subscribed()
        #expect(speaker.conversation?.lane(for: "y", isOnly: true) == .own(movesOthers: false))
        let publication = Publication(data: utf8(#"{"a":1}"#))
        #expect(speaker.publish(publication, in: "y") == said(#"{"event":"x","data":{"a":1}}"#))
        #expect(speaker.publish(publication, in: "z") == [])
        let stop = try speaker.hear(utf8(#"{"stop":"x","sid":2}"#))
        #expect(stop == [.commands([.unsubscribe(id: 2, "y")])])
        #expect(speaker.publish(publication, in: "y") == [])
    }

    @Test("a refused subscribe leaves no name behind")
    func refused() throws {
        let speaker = try subscribed()
        _ = try speaker.hear(utf8(#"{"event":"w","channel":"z","sid":2}"#))
        let reply = Reply(id: 2, result: .error(.permissionDenied))
        #expect(speaker.say(reply) == said(#"{"sid":2,"error":"permission denied"}"#))
        #expect(speaker.publish(Publication(data: utf8("1")), in: "z") == [])
    }

    @Test("what is not acknowledged is bounded, and an acknowledgement makes room")
    func acknowledgements() throws {
        let speaker = try subscribed(window: 2)
        let publication = Publication(data: utf8("1"))
        let event = said(#"{"event":"x","data":1}"#)
        #expect(speaker.publish(publication, in: "y") == event && speaker.publish(publication, in: "y") == event)
        #expect(try speaker.hear(utf8(#"{"ack":1}"#)) == [])
        #expect(speaker.publish(publication, in: "y") == event)
        #expect(throws: MalformedFrame.self) { try speaker.hear(utf8(#"{"ack":4}"#)) }
        #expect(speaker.publish(publication, in: "y") == [.disconnects(.slow)])
        #expect(speaker.publish(publication, in: "y") == [])
        #expect(speaker.end(.slow) == [.ended(.closing(.slow), [])])
    }

    @Test("what was missed counts as well")
    func recovered() throws {
        let speaker = try subscribed(window: 1)
        _ = try speaker.hear(utf8(#"{"event":"w","channel":"z","sid":2}"#))
        var result = SubscribeResult()
        result.publications = [Publication(data: utf8("1")), Publication(data: utf8("2"))]
        #expect(
            speaker.say(Reply(id: 2, result: .subscribe(result)))
                == said(#"{"sid":2,"ok":true}"#) + said(#"{"event":"w","data":1}"#) + [.disconnects(.slow)])
    }

    @Test("without close frames the end is a message")
    func lastMessage() throws {
        let speaker = try subscribed(over: .stream)
        #expect(speaker.end(.shutdown) == [.ended(.lastMessage(.text), utf8(#"{"bye":3001}"#))])
    }

    @Test("it is asked for by its subprotocol, beside the dialects that every server has")
    func selection() {
        let table = DialectTable(DialectTable.standardDialects + [HelloDialect()])
        #expect(table.subprotocols.last == "hello.v1")
        let number = table.dialect(subprotocol: table.subprotocols.count - 1, query: .init(start: nil, count: 0))
        #expect(table[number] is HelloDialect)
    }
}
