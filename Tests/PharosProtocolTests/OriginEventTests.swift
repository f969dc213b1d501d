import PharosDomain
import PharosProtocol
import Testing

@Suite("What origins are told")
struct OriginEventTests {
    private let events: [NumberedEvent] = {
        var connected = OriginEvent(.connected, atMs: 1_767_323_045_678)
        connected.client = "c1"
        connected.transport = "websocket"
        var disconnected = OriginEvent(.disconnected, atMs: 1_767_323_045_679)
        disconnected.client = "c1"
        disconnected.user = "42"
        disconnected.code = 3001
        disconnected.reason = "shutdown"
        disconnected.meta = utf8("{}")
        var vacated = OriginEvent(.vacated, atMs: 1_767_323_045_680)
        vacated.channel = "news"
        return [
            NumberedEvent(sequence: 7, event: connected), NumberedEvent(sequence: 9, event: disconnected),
            NumberedEvent(sequence: 10, event: vacated),
        ]
    }()

    private let data = [
        #"{"sequence":7,"event":"connected","client":"c1","user":"","transport":"websocket","time_ms":1767323045678}"#,
        #"{"sequence":9,"event":"disconnected","client":"c1","user":"42","time_ms":1767323045679,"code":3001,"#
            + #""reason":"shutdown","meta":{}}"#,
        #"{"sequence":10,"event":"vacated","channel":"news","time_ms":1767323045680}"#,
    ]

    @Test("a batch is one object with the events in order")
    func plain() {
        #expect(
            Wire.text { OriginEventEncoder.encode(events, into: &$0) }
                == #"{"events":["# + data.joined(separator: ",") + "]}")
        #expect(
            Wire.text { OriginEventEncoder.encodeKeepAlive(["a", "b"], sequence: 7, into: &$0) }
                == #"{"keep_alive":{"sequence":7,"clients":["a","b"]}}"#)
    }

    @Test("a batch of CloudEvents has the same data, and ids that stay the same")
    func cloudEvents() {
        func event(_ sequence: Int, _ type: String, _ ms: Int, _ subject: String, _ data: String) -> String {
            #"{"specversion":"1.0","id":"n/\#(sequence)","source":"/pharos/n","type":"\#(type)","#
                + #""time":"2026-01-02T03:04:05.\#(ms)Z","datacontenttype":"application/json","subject":"\#(subject)","#
                + #""sequence":"\#(sequence)","data":\#(data)}"#
        }
        let expected = [
            event(7, "pharos.client.connected", 678, "c1", data[0]),
            event(9, "pharos.client.disconnected", 679, "c1", data[1]),
            event(10, "pharos.channel.vacated", 680, "news", data[2]),
        ]
        #expect(
            Wire.text { OriginEventEncoder.encodeCloudEvents(events, node: "n", into: &$0) }
                == "[" + expected.joined(separator: ",") + "]")
        #expect(
            Wire.text {
                OriginEventEncoder.encodeCloudEventKeepAlive(
                    ["a"], sequence: 0, node: "n", id: "i", nowMs: 0, into: &$0)
            }
                == #"[{"specversion":"1.0","id":"i","source":"/pharos/n","type":"pharos.node.keep_alive","#
                + #""time":"1970-01-01T00:00:00.000Z","datacontenttype":"application/json","sequence":"0","#
                + #""data":{"sequence":0,"clients":["a"]}}]"#)
    }

    @Test(
        "moments are written as RFC 3339 says",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_001, "2000-02-29T00:00:00.001Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"), (-1, "1969-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func moments(ms: Int64, text: String) {
        #expect(RFC3339.text(ms: ms) == text)
    }
}
