import PharosBytes
import PharosDomain
import PharosProtocol
import PharosTestKit
import Testing

@Suite("Dialect table")
struct DialectTableTests {
    private let table = DialectTable.standard

    private func dialect(subprotocol: String? = nil, _ query: String) -> UInt8 {
        let index = subprotocol.flatMap { table.subprotocols.firstIndex(of: $0) }
        return Array(query.utf8).withUnsafeBytes { table.dialect(subprotocol: index, query: $0) }
    }

    @Test("the numbers of the dialects that every server has")
    func numbers() {
        #expect((table[DialectTable.json] as? CentrifugeDialect)?.encoding == .json)
        #expect((table[DialectTable.protobuf] as? CentrifugeDialect)?.encoding == .protobuf)
        #expect(table[DialectTable.events] is EventsDialect)
        #expect(table[DialectTable.raw] is RawDialect)
        #expect(table.count == 4)
    }

    @Test("a subprotocol chooses, and without one the query does")
    func selection() {
        #expect(table.subprotocols == ["centrifuge-json", "centrifuge-protobuf"])
        #expect(dialect(subprotocol: "centrifuge-json", "") == DialectTable.json)
        #expect(dialect(subprotocol: "centrifuge-protobuf", "") == DialectTable.protobuf)
        #expect(dialect(subprotocol: "centrifuge-json", "cf_protocol=protobuf") == DialectTable.json)
        #expect(dialect("") == DialectTable.json)
        #expect(dialect("cf_protocol=protobuf") == DialectTable.protobuf)
        #expect(dialect("a=b&format=protobuf") == DialectTable.protobuf)
        #expect(dialect("cf_protocol=json&format=protobuf") == DialectTable.protobuf)
        for query in [
            "cf_protocol=json", "cf_protocol", "cf_protocol=protobuf2", "cf_protocol=json&cf_protocol=protobuf",
            "cf_protocol=Protobuf", "xcf_protocol=protobuf", "format=array",
        ] {
            #expect(dialect(query) == DialectTable.json, "\(query)")
        }
    }

    @Test(
        "the type of a stream's request chooses",
        arguments: [
            ("application/octet-stream", DialectTable.protobuf),
            ("application/octet-stream; x=y", DialectTable.protobuf),
            ("application/json", DialectTable.json), ("application/octet", DialectTable.json),
            ("Application/Octet-Stream", DialectTable.json), ("", DialectTable.json),
        ])
    func contentTypes(type: String, expected: UInt8) {
        Array(type.utf8).withUnsafeBytes { #expect(table.dialect(contentType: $0) == expected) }
        #expect(table.dialect(contentType: nil) == DialectTable.json)
    }

    @Test("facts about the dialects that every server has")
    func traits() {
        let (json, protobuf) = (table.traits(DialectTable.json), table.traits(DialectTable.protobuf))
        #expect(json.delta == .jsonText && protobuf.delta == .bytes)
        #expect(json.payloadsAreJSON && !protobuf.payloadsAreJSON)
        #expect("\(json.contentType)" == "application/json" && json.transportName == nil)
        #expect("\(protobuf.contentType)" == "application/octet-stream" && protobuf.transportName == nil)
        #expect(json.hasClientCommands && protobuf.hasClientCommands && !json.resumesByReconnecting)
        let (events, raw) = (table.traits(DialectTable.events), table.traits(DialectTable.raw))
        #expect(events.resumesByReconnecting && !events.hasClientCommands && events.delta == nil)
        #expect("\(events.contentType)" == "text/event-stream")
        #expect(events.transportName.map { "\($0)" } == "events" && raw.transportName.map { "\($0)" } == "raw")
        #expect(events.keyParameter.map { "\($0)" } == "id" && json.keyParameter == nil)
    }

    @Test("pings by frame are for WebSockets that ask for them, and polls are not asked")
    func pings() {
        func style(_ number: UInt8, _ framing: TransportFraming, _ query: String = "") -> PingStyle {
            Array(query.utf8).withUnsafeBytes { table[number].pings(over: framing, query: $0) }
        }
        #expect(style(DialectTable.json, .frame) == .message)
        #expect(style(DialectTable.json, .frame, "cf_ws_frame_ping_pong=true") == .frame)
        #expect(style(DialectTable.json, .frame, "cf_ws_frame_ping_pong=false") == .message)
        #expect(style(DialectTable.json, .stream, "cf_ws_frame_ping_pong=true") == .message)
        #expect(style(DialectTable.json, .event) == .message)
        #expect(style(DialectTable.json, .line) == .none)
        #expect(style(DialectTable.protobuf, .frame, "a=b&cf_ws_frame_ping_pong=true") == .frame)
        #expect(style(DialectTable.events, .stream) == .comment)
        #expect(style(DialectTable.raw, .frame) == .frame)
        #expect(style(DialectTable.raw, .event) == .comment)
    }

    @Test("an epoch goes with a stream's first publication alone")
    func epochs() {
        func text(offset: UInt64) -> String {
            Wire.text {
                _ = table.encodePublication(
                    Publication(data: utf8("1"), offset: offset), in: "c", epoch: "e1",
                    for: LaneKey(dialect: DialectTable.json, framing: .frame), into: &$0)
            }
        }
        #expect(text(offset: 1) == #"{"push":{"channel":"c","pub":{"data":1,"offset":1,"epoch":"e1"}}}"#)
        #expect(text(offset: 2) == #"{"push":{"channel":"c","pub":{"data":1,"offset":2}}}"#)
        #expect(text(offset: 0) == #"{"push":{"channel":"c","pub":{"data":1}}}"#)
    }

    @Test("a client that was too slow gets a message in the channel")
    func dropped() {
        let text = Wire.text { _ = CentrifugeDialect(.json).encodeDropped(3, in: "c", into: &$0) }
        #expect(text == #"{"push":{"channel":"c","message":{"data":{"lagging":{"dropped":3}}}}}"#)
    }

    @Test("raw connections hear the payload, or the channel with it")
    func raw() {
        func message(_ form: RawDialect.Form, _ data: [UInt8], isJSON: Bool) -> (MessageKind, [UInt8]) {
            var publication = Publication(data: data, offset: 1)
            publication.isJSON = isJSON
            var writer = ByteWriter()
            let lane = LaneKey(dialect: DialectTable.raw, form: form.rawValue, framing: .frame)
            let kind = table.encodePublication(publication, in: "c", epoch: "e1", for: lane, into: &writer)
            return (kind, writer.array)
        }
        #expect(message(.payload, utf8("{}"), isJSON: true) == (.text, utf8("{}")))
        #expect(message(.payload, utf8("x"), isJSON: false) == (.text, utf8("x")))
        #expect(message(.payload, [0xFF], isJSON: false) == (.binary, [0xFF]))
        #expect(message(.named, utf8("{}"), isJSON: true) == (.text, utf8(#"{"channel":"c","data":{}}"#)))
        #expect(message(.named, [0xFF], isJSON: false) == (.text, utf8(#"{"channel":"c","b64data":"/w=="}"#)))
    }

    @Test("a dialect without messages from clients refuses them all")
    func noCommands() {
        for number in [DialectTable.events, DialectTable.raw] {
            var commands: [Command] = []
            #expect(throws: MalformedFrame.self) {
                try utf8("{}").withUnsafeBytes { try table.decode($0, number, into: &commands) }
            }
            #expect(commands.isEmpty)
        }
    }
}
