import PharosBytes
import PharosDomain
import PharosProtocol
import Testing

@Suite("Codecs of raw connections")
struct RawCodecTests {
    private static let node = Array("0.0.0.0:8081/sr".utf8)
    private static let sample: ClientName = "ADAuMC4wLjA6ODA4MS9zcpzpRouT+viywAkqhjocAjAuXnVC"

    private func decode(_ json: String) throws -> RawServiceRequest {
        try Array(json.utf8).withUnsafeBytes { try RawServiceRequest.decode($0) }
    }

    private func path(_ path: String) -> ClientName? {
        Array(path.utf8).withUnsafeBytes { RawConnectionPath.connection(in: $0) }
    }

    private func encoded(_ body: (inout ByteWriter) -> Void) -> String {
        var writer = ByteWriter()
        body(&writer)
        return String(decoding: writer.array, as: UTF8.self)
    }

    @Test("an id of the older service is read, and written as it was")
    func sample() throws {
        let id = try #require(RawConnectionID(Self.sample, node: Self.node))
        #expect(id.place == 0x9CE9_468B_93FA_F8B2)
        #expect(id.tag == RawConnectionID.Tag(high: 0xC009_2A86_3A1C_0230, low: 0x2E5E_7542))
        #expect(id.text(node: Self.node) == Self.sample)
    }

    @Test("the URL-safe alphabet and missing padding are other spellings of the same id")
    func spellings() {
        let node = Array("n".utf8)
        let id = RawConnectionID(place: .max, tag: .init(high: .max, low: 7))
        let text = id.text(node: node)
        #expect(text.text.contains("/") && text.text.hasSuffix("=="))
        let other = text.text.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }.filter { $0 != "=" }
        #expect(RawConnectionID(ClientName(String(other)), node: node) == id)
    }

    @Test("what is malformed, too long or another node's is no id (WS-11)")
    func malformed() {
        let texts = [
            "", "=", "A", "!!!!", String(Self.sample.text.dropLast(4)), "\(Self.sample)AAAA",
            "B" + Self.sample.text.dropFirst(),
            String(repeating: "A", count: 10_000), "\u{e4}\u{f6}",
        ]
        for text in texts { #expect(RawConnectionID(ClientName(text), node: Self.node) == nil, "\(text.prefix(60))") }
        #expect(RawConnectionID(Self.sample, node: Array("0.0.0.0:8082/sr".utf8)) == nil)
        #expect(RawConnectionID(Self.sample, node: []) == nil)
    }

    @Test("a service request of the older service")
    func service() throws {
        let request = try decode(
            """
            {"OutgoingWebSocketMessages":[{"ConnectionIds":["\(Self.sample)"],"Message":{"Text":"bar"}},
             {"ConnectionIds":["a","b"],"Message":{"Binary":"AQI=","Text":null},"Other":[{}]}],"PublishRequest":null}
            """)
        #expect(
            request.messages == [
                .init(connections: [Self.sample], message: RawMessage(Array("bar".utf8), isText: true)),
                .init(connections: ["a", "b"], message: RawMessage([1, 2], isText: false)),
            ])
        #expect(request.closings.isEmpty)
    }

    @Test("a message with both members or none is skipped, an empty text is one")
    func skipped() throws {
        let request = try decode(
            """
            {"OutgoingWebSocketMessages":[{"ConnectionIds":["a"],"Message":{"Text":"","Binary":""}},
             {"ConnectionIds":["a"],"Message":{}},{"ConnectionIds":["a"],"Message":null},{"ConnectionIds":["a"]},
             {"ConnectionIds":["a"],"Message":{"Text":""}},{"ConnectionIds":null,"Message":{"Binary":""}}]}
            """)
        #expect(
            request.messages == [
                .init(connections: ["a"], message: RawMessage([], isText: true)),
                .init(connections: [], message: RawMessage([], isText: false)),
            ])
    }

    @Test("a service request closes with code and reason (WS-9)")
    func closing() throws {
        let request = try decode(
            """
            {"OutgoingWebSocketMessages":null,"Close":[{"ConnectionIds":["a"],"Code":4001,"Reason":"by\\u0065"},
             {"ConnectionIds":["b"],"Code":null,"Reason":null}]}
            """)
        #expect(
            request.closings == [
                .init(connections: ["a"], code: 4_001, reason: "bye"),
                .init(connections: ["b"], code: 1_000, reason: ""),
            ])
        for code in ["999", "1004", "1005", "1006", "1015", "2999", "5000", "70000", "-1", "\"4000\""] {
            #expect(throws: MalformedFrame.self) {
                try decode("{\"Close\":[{\"ConnectionIds\":[],\"Code\":\(code)}]}")
            }
        }
    }

    @Test(
        "what cannot be read is refused",
        arguments: [
            "", "[]", "{", "{}x", "{\"OutgoingWebSocketMessages\":{}}", "{\"OutgoingWebSocketMessages\":[1]}",
            "{\"OutgoingWebSocketMessages\":[{\"ConnectionIds\":[1]}]}",
            "{\"OutgoingWebSocketMessages\":[{\"Message\":{\"Binary\":\"A\"}}]}",
            "{\"OutgoingWebSocketMessages\":[{\"Message\":{\"Text\":1}}]}",
        ])
    func refused(_ body: String) {
        #expect(throws: MalformedFrame.self) { try decode(body) }
    }

    @Test("a path names a connection by its id, percent-encoded or not")
    func paths() {
        #expect(path("/@connections/a%2Fb%2Bc%3d") == "a/b+c=")
        #expect(path("/%40connections/ab+c=") == "ab+c=")
        #expect(path("/@connections/a/b") == "a/b")
        #expect(path("/@connections/%4") == "%4")
        #expect(path("/@connections/%zz") == "%zz")
        for other in ["/@connections", "/@connections/", "/connections/a", "/@connectionsa", "/", ""] {
            #expect(path(other) == nil)
        }
        #expect(path("/@connections/" + String(repeating: "a", count: 2_000)) == nil)
    }

    @Test("reports and infos are JSON")
    func answers() {
        var report = RawReport()
        #expect(encoded { report.encode(into: &$0) } == "{\"Unknown\":[],\"Closed\":[],\"Full\":[]}")
        report.unknown = ["", "a\"b"]
        report.full = ["c"]
        #expect(
            encoded { report.encode(into: &$0) } == "{\"Unknown\":[\"\",\"a\\\"b\"],\"Closed\":[],\"Full\":[\"c\"]}")
        let info = RawConnectionInfo(
            connectedAtMs: 1_709_208_000_007, lastActiveAtMs: 1_735_689_599_999, address: "192.0.2.1")
        #expect(
            encoded { info.encode(into: &$0) }
                == "{\"connectedAt\":\"2024-02-29T12:00:00.007Z\",\"identity\":{\"sourceIp\":\"192.0.2.1\"},"
                + "\"lastActiveAt\":\"2024-12-31T23:59:59.999Z\"}")
        let epoch = RawConnectionInfo(connectedAtMs: 0, lastActiveAtMs: 951_782_400_000, address: "")
        #expect(
            encoded { epoch.encode(into: &$0) }
                == "{\"connectedAt\":\"1970-01-01T00:00:00.000Z\",\"identity\":{\"sourceIp\":\"\"},"
                + "\"lastActiveAt\":\"2000-02-29T00:00:00.000Z\"}")
    }

    @Test("a publication is its data alone, or names its channel if that is wanted (GO-2)")
    func publications() {
        func encode(_ publication: Publication, namesChannel: Bool) -> (text: String, isText: Bool) {
            var isText = false
            let text = encoded {
                isText = RawPublicationEncoder.encode(
                    publication, channel: "a\"b", namesChannel: namesChannel, into: &$0)
            }
            return (text, isText)
        }
        var json = Publication(data: Array("{\"x\": [1]}".utf8))
        json.isJSON = true
        #expect(encode(json, namesChannel: false) == ("{\"x\": [1]}", true))
        #expect(encode(json, namesChannel: true) == ("{\"channel\":\"a\\\"b\",\"data\":{\"x\": [1]}}", true))
        var bytes = Publication(data: [0xFF, 0])
        bytes.isJSON = false
        #expect(encode(bytes, namesChannel: false).isText == false)
        #expect(encode(bytes, namesChannel: true) == ("{\"channel\":\"a\\\"b\",\"b64data\":\"/wA=\"}", true))
        let event = encoded { writer in
            Array("a\nb".utf8).withUnsafeBytes { RawPublicationEncoder.appendEvent($0, into: &writer) }
        }
        #expect(event == "data: a\ndata: b\n\n")
    }
}
