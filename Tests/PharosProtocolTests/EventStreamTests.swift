import PharosBytes
import PharosDomain
import PharosProtocol
import Testing

@Suite("Event streams")
struct EventStreamTests {
    private let named = EventStreamEncoder(.named)
    private let array = EventStreamEncoder(.array)

    private func event(
        _ encoder: EventStreamEncoder, _ channel: ChannelName, _ payload: [UInt8], isJSON: Bool = false, id: String = ""
    ) -> Result<String, EventStreamError> {
        var writer = ByteWriter()
        do throws(EventStreamError) {
            try encoder.publication(channel: channel, payload, isJSON: isJSON, id: id, into: &writer)
        } catch {
            #expect(writer.count == 0)
            return .failure(error)
        }
        return .success(String(decoding: writer.array, as: UTF8.self))
    }

    @Test("a publication, named and as an array")
    func publications() {
        #expect(
            event(named, "news", utf8(#"{"text":"hello"}"#), isJSON: true, id: "v1.bmV3cw~Xq3kP0aZ~42")
                == .success("event: news\nid: v1.bmV3cw~Xq3kP0aZ~42\ndata: {\"text\":\"hello\"}\n\n"))
        #expect(
            event(array, "news", utf8("<b>\"&"), id: "v1.")
                == .success(#"id: v1.\#ndata: ["news","\u003cb\u003e\"\u0026"]\#n\#n"#))
    }

    @Test(
        "a payload arrives exactly, line feeds and spaces included (UN-5)",
        arguments: [
            "", "a", "\n", "a\n", "\na", "a\n\nb", "a\n\n", "\n\n", " a", "  \n  ", "data: x\nevent: y\n\nid: z", ":",
            "é\u{1F600}\u{0}",
        ])
    func exact(payload: String) throws {
        let text = try event(named, "news", utf8(payload), id: "1").get()
        #expect(EventReader.read(text) == [EventReader.Event(name: "news", id: "1", data: payload)])
    }

    @Test("carriage returns: refused, a space in JSON, exact in the array (UN-5)")
    func carriageReturns() throws {
        #expect(event(named, "news", utf8("a\r\nb")) == .failure(.payloadHasCarriageReturn))
        let json = try event(named, "news", utf8("{\r\n}\r"), isJSON: true).get()
        #expect(EventReader.read(json).map(\.data) == ["{ \n} "])
        let inArray = try event(array, "news", utf8("a\r\nb\r\n")).get()
        #expect(EventReader.read(inArray).map(\.data) == [#"["news","a\r\nb\r\n"]"#])
    }

    @Test("what is not UTF-8, and a channel with a line break, cannot be events (UN-5)")
    func refused() {
        #expect(event(named, "news", [0xFF]) == .failure(.payloadIsNotText))
        #expect(event(array, "news", [0xC3]) == .failure(.payloadIsNotText))
        #expect(event(named, "a\nb", utf8("x")) == .failure(.channelHasLineBreak))
        #expect(event(named, "a\rb", utf8("x")) == .failure(.channelHasLineBreak))
    }

    @Test("the first message, errors and the end, in both forms")
    func messages() {
        let info = EventStreamInfo(
            clientID: "9b", clientTTLMs: 60_000,
            subscriptions: [
                .init("news", recovered: true), .init("chat", recovered: nil), .init("x", recovered: false),
            ])
        let failure = EventStreamFailure(code: "subscription-failure", message: "no", topic: "news")
        #expect(
            Wire.text { named.info(info, id: "v1.", into: &$0) }
                == #"id: v1.\#ndata: {"config":{"client_id":"9b","client_ttl_millis":60000},"#
                + #""subscriptions":["news","chat","x"],"recovered":{"news":true,"x":false}}\#n\#n"#)
        #expect(
            Wire.text { named.failure(failure, into: &$0) }
                == #"data: {"error":{"code":"subscription-failure","message":"no","topic":"news"}}\#n\#n"#)
        #expect(Wire.text { named.closed(into: &$0) } == "data: Client closed\n\n")
        let empty = EventStreamInfo(clientID: "9b", clientTTLMs: 0, subscriptions: [])
        #expect(
            Wire.text { array.info(empty, id: "", into: &$0) }
                == #"data: ["/unifrost/info","{\"config\":{\"client_id\":\"9b\",\"client_ttl_millis\":0,"#
                + #"\"consumer_id\":\"9b\",\"consumer_ttl_millis\":0},\"subscriptions\":[],\"recovered\":{}}"]\#n\#n"#)
        #expect(
            Wire.text { array.failure(failure, into: &$0) }
                == #"data: ["/unifrost/error","{\"error\":{\"code\":\"subscription-failure\",\"message\":\"no\",\"topic\":\"news\"}}"]\#n\#n"#
        )
        #expect(Wire.text { array.closed(into: &$0) } == "data: [\"/unifrost/closed\",\"Client closed\"]\n\n")
    }

    @Test("retry and comments are no events")
    func silent() {
        let text = Wire.text {
            EventStreamEncoder.retry(milliseconds: 1_000, into: &$0)
            EventStreamEncoder.comment(into: &$0)
        }
        #expect(text == "retry: 1000\n:\n\n")
        #expect(EventReader.read(text).isEmpty)
    }

    @Test("the client protocol: a line break first, then one event per message")
    func bidirectional() {
        let text = Wire.text { writer in
            MessageEventStream.begin(into: &writer)
            utf8("{}").withUnsafeBytes { MessageEventStream.append($0, into: &writer) }
            MessageEventStream.beginMessage(into: &writer)
            JSONReplyEncoder.encodePing(into: &writer)
            MessageEventStream.endMessage(into: &writer)
        }
        #expect(text == "\r\ndata: {}\n\ndata: {}\n\n")
        #expect(EventReader.read(text).map(\.data) == ["{}", "{}"])
    }
}

/// Reads an event stream as a browser does (WHATWG HTML, section 9.2.6).
enum EventReader {
    struct Event: Equatable {
        var name = ""
        var id = ""
        var data = ""
    }

    static func read(_ stream: String) -> [Event] {
        var events: [Event] = []
        var event = Event()
        var data: [String] = []
        for line in lines(utf8(stream)) {
            guard !line.isEmpty else {
                event.data = data.joined(separator: "\n")
                if !data.isEmpty { events.append(event) }
                event = Event(id: event.id)
                data = []
                continue
            }
            let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
            var value = line[colon...].dropFirst()
            if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
            let text = String(decoding: value, as: UTF8.self)
            switch String(decoding: line[..<colon], as: UTF8.self) {
            case "event": event.name = text
            case "id": event.id = text
            case "data": data.append(text)
            default: break
            }
        }
        return events
    }

    private static func lines(_ bytes: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = [[]]
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case 0x0A where index > 0 && bytes[index - 1] == 0x0D: break
            case 0x0A, 0x0D: lines.append([])
            default: lines[lines.count - 1].append(byte)
            }
        }
        return lines.dropLast()
    }
}
