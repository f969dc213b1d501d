import PharosNATS
import Testing

/// The protocol of a server, verb by verb: bytes in, messages out.
@Suite("NATS parser")
struct NATSParserTests {
    @Test(
        "each verb",
        arguments: [
            ("PING\r\n", .ping), ("PONG\r\n", .pong), ("+OK\r\n", .ok),
            ("-ERR 'Stale Connection'\r\n", .error("Stale Connection")),
            ("-ERR plain words\r\n", .error("plain words")),
            ("-ERR\r\n", .error("")), ("-ERR '\r\n", .error("'")), ("INFO {}\r\n", .info(NATSInfo())),
            ("MSG a.b 9 5\r\nhello\r\n", NATSMessage.to(9, "a.b", "hello")),
            ("MSG a.b 9 re.ply 5\r\nhello\r\n", NATSMessage.to(9, "a.b", reply: "re.ply", "hello")),
            ("MSG a 0 0\r\n\r\n", NATSMessage.to(0, "a", "")),
            ("MSG a 1 4\r\n\r\n\r\n\r\n", NATSMessage.to(1, "a", "\r\n\r\n")),
            (
                "HMSG a 1 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n",
                NATSMessage.to(1, "a", headers: NATSHeaders("A: b"), "hi")
            ),
            (
                "HMSG a 1 r 16 16\r\nNATS/1.0 503\r\n\r\n\r\n",
                NATSMessage.to(1, "a", reply: "r", headers: NATSHeaders(status: " 503"), "")
            ),
            ("HMSG a 1 0 2\r\nhi\r\n", NATSMessage.to(1, "a", "hi")),
        ] as [(String, NATSServerMessage)])
    func verbs(bytes: String, message: NATSServerMessage) {
        #expect(Transcript(bytes).read() == Reading(messages: [message]))
    }

    @Test(
        "verbs in any case, several spaces and tabs, and LF alone",
        arguments: [
            ("ping\r\n", .ping), ("PoNg\r\n", .pong), ("+ok\r\n", .ok), ("-err 'x'\r\n", .error("x")),
            ("PING  \t\r\n", .ping), ("PING\n", .ping), ("info {}\r\n", .info(NATSInfo())),
            ("INFO\t{} \r\n", .info(NATSInfo())),
            ("msg\ta  1 \t r   2  \r\nhi\r\n", NATSMessage.to(1, "a", reply: "r", "hi")),
            ("MSG a 1 2\nhi\r\n", NATSMessage.to(1, "a", "hi")),
        ] as [(String, NATSServerMessage)])
    func spelling(bytes: String, message: NATSServerMessage) {
        #expect(Transcript(bytes).read() == Reading(messages: [message]))
        #expect(Transcript(bytes).read(pieces: 1) == Reading(messages: [message]))
    }

    @Test("the fields of INFO; others are skipped, null and absent ones are empty")
    func info() {
        let json = """
            INFO {"server_id":"ID","server_name":"n\\u0031","version":"2.15.1","proto":1,"headers":true,\
            "auth_required":true,"tls_required":true,"tls_available":true,"max_payload":1048576,"jetstream":true,\
            "nonce":"N","connect_urls":["a:1","b:2"],"ldm":true,"client_id":18446744073709551615,"cluster":"C",\
            "git_commit":null,"future":{"a":[1,{"b":null}]}}\r\n
            """
        var info = NATSInfo()
        (info.serverID, info.serverName, info.version, info.proto) = ("ID", "n1", "2.15.1", 1)
        (info.supportsHeaders, info.requiresAuthentication, info.requiresTLS, info.offersTLS) = (true, true, true, true)
        (info.maxPayload, info.hasJetStream, info.isLameDuck, info.clientID) = (1_048_576, true, true, .max)
        (info.nonce, info.connectURLs, info.cluster) = ("N", ["a:1", "b:2"], "C")
        #expect(Transcript(json).read() == Reading(messages: [.info(info)]))
        let empty = #"INFO {"nonce":null,"proto":null,"connect_urls":null}"# + "\r\n"
        #expect(Transcript(empty).read() == Reading(messages: [.info(NATSInfo())]))
    }

    @Test("a payload may look like anything, and bytes that are no UTF-8 in a subject are replaced")
    func anyBytes() {
        let payload = "PING\r\nMSG a 1 1\r\n"
        #expect(
            Transcript("MSG a 1 \(payload.utf8.count)\r\n\(payload)\r\nPONG\r\n").read().messages
                == [NATSMessage.to(1, "a", payload), .pong])
        let broken = Transcript(Array("MSG a".utf8) + [0xFF] + Array(" 1 1\r\nx\r\n".utf8))
        #expect(broken.read().messages == [NATSMessage.to(1, "a\u{FFFD}", "x")])
    }
}
