import PharosDomain
import PharosProtocol
import Testing

@Suite("Server API: reaching connections")
struct ServerAPIPushTests {
    private static let first: ClientName = "0a1b2c3d-0000-4000-8000-000000000001"
    private static let second = "0a1b2c3d-0000-4000-8000-000000000002"

    private func error(_ method: MethodName, _ body: String) -> String? {
        do {
            _ = try Wire.api(method, body)
            return nil
        } catch let error as ReplyError {
            return "\(error.code) \(error.message)"
        } catch {
            return "\(error)"
        }
    }

    @Test("a message to those for whom all that is named holds")
    func send() throws {
        var expected = APISend()
        expected.target.user = "u"
        expected.target.client = Self.first
        expected.target.session = "s"
        expected.target.channel = "c"
        expected.target.exclude = [try #require(ClientID(Self.second))]
        expected.data = utf8(#"{"a":1}"#)
        expected.dataIsJSON = true
        let body = #"""
            {"user":"u","client":"\#(Self.first)","session":"s","channel":"c","exclude":["\#(Self.second)"],
            "data":{"a":1},"new":[]}
            """#
        #expect(try Wire.api("send", body) == .planned(expected))
        var everybody = APISend()
        everybody.target.all = true
        everybody.data = [0, 255]
        #expect(try Wire.api("send", #"{"all":true,"b64data":"AP8="}"#) == .planned(everybody))
    }

    @Test("what is wrong with a message is named")
    func wrongMessages() {
        #expect(
            error("send", #"{"data":1}"#) == "107 bad request: one of client, session, user, channel, all is required")
        #expect(error("send", #"{"all":false,"data":1}"#)?.contains("is required") == true)
        #expect(error("send", #"{"user":"u"}"#) == "107 bad request: data is required")
        #expect(error("send", #"{"user":"u","b64data":"!"}"#) == "107 bad request: b64data: not base64")
        #expect(error("send", #"{"user":"u","data":1,"exclude":["x"]}"#) == "107 bad request: exclude: not a client id")
        #expect(error("send", #"{"user":7,"data":1}"#)?.hasPrefix("107 bad request: user: ") == true)
        for other in [#""user":"u""#, #""client":"c""#, #""session":"s""#, #""channel":"c""#] {
            let expected = "107 bad request: all: goes with no user, client, session or channel"
            #expect(error("send", "{\"all\":true,\"data\":1,\(other)}") == expected)
            #expect(error("disconnect", "{\"all\":true,\(other)}") == expected)
        }
        #expect(error("unsubscribe", #"{"channel":"c","user":"u","all":true}"#)?.contains("all: goes with") == true)
        let many = Array(repeating: "\"\(Self.first)\"", count: APITarget.excludeLimit).joined(separator: ",")
        #expect(error("send", "{\"user\":\"u\",\"data\":1,\"exclude\":[\(many)]}") == nil)
        #expect(
            error("send", "{\"user\":\"u\",\"data\":1,\"exclude\":[\(many),\"\(Self.second)\"]}")
                == "107 bad request: exclude: more than 1000")
    }

    @Test("a publish and a broadcast name the client that does not get them")
    func excludeClient() throws {
        let client = try #require(ClientID(Self.first))
        guard
            case .publish(let publish) = try Wire.api(
                "publish", #"{"channel":"c","data":1,"exclude_client":"\#(Self.first)"}"#),
            case .broadcast(let broadcast) = try Wire.api(
                "broadcast", #"{"channels":["c"],"data":1,"exclude_client":"\#(Self.first)"}"#),
            case .publish(let plain) = try Wire.api("publish", #"{"channel":"c","data":1,"exclude_client":""}"#)
        else {
            Issue.record("another method")
            return
        }
        #expect(publish.excludeClient == client)
        #expect(broadcast.template.excludeClient == client)
        #expect(plain.excludeClient == nil)
        #expect(
            error("publish", #"{"channel":"c","data":1,"exclude_client":"me"}"#)
                == "107 bad request: exclude_client: not a client id")
    }

    @Test("disconnect and unsubscribe by session, channel and all, with clients to spare")
    func ends() throws {
        guard
            case .planned(let disconnect as APIDisconnect) = try Wire.api(
                "disconnect",
                #"{"channel":"c","session":"s","whitelist":["\#(Self.first)"],"exclude":["\#(Self.second)"]}"#),
            case .planned(let unsubscribe as APIUnsubscribe) = try Wire.api(
                "unsubscribe", #"{"channel":"c","all":true,"exclude":["\#(Self.second)"]}"#)
        else {
            Issue.record("another method")
            return
        }
        #expect(disconnect.target.channel == "c")
        #expect(disconnect.target.session == "s")
        #expect(disconnect.target.exclude == [try #require(ClientID(Self.first)), try #require(ClientID(Self.second))])
        #expect(unsubscribe.target.all)
        #expect(unsubscribe.target.exclude == [try #require(ClientID(Self.second))])
    }

    @Test("a page of connections has a size and begins after a client")
    func connections() throws {
        #expect(try Wire.api("connections", "{}") == .planned(APIConnections()))
        #expect(try Wire.api("connections", "") == .planned(APIConnections()))
        var expected = APIConnections()
        expected.user = "u"
        expected.channel = "c"
        expected.limit = 1_000
        expected.cursor = ClientID(Self.first)
        #expect(
            try Wire.api("connections", #"{"user":"u","channel":"c","limit":1000,"cursor":"\#(Self.first)"}"#)
                == .planned(expected))
        for limit in ["-1", "1001"] {
            #expect(
                error("connections", "{\"limit\":\(limit)}") == "107 bad request: limit: must be from 1 to 1000")
        }
        #expect(error("connections", #"{"cursor":"next"}"#) == "107 bad request: cursor: not a client id")
    }

    @Test("results")
    func results() throws {
        #expect(Wire.text(.success(.sent(delivered: 0, undeliverable: 0))) == #"{"result":{"delivered":0}}"#)
        #expect(
            Wire.text(.success(.sent(delivered: 2, undeliverable: 1)))
                == #"{"result":{"delivered":2,"undeliverable":1}}"#)
        #expect(Wire.text(.success(.connections([], nextCursor: ""))) == #"{"result":{"connections":[]}}"#)
        var full = APIConnection(client: try #require(ClientID(Self.first)))
        full.user = "u"
        full.transport = "sse"
        full.connectedAt = 1_900_000_000
        full.name = "js"
        full.channels = 2
        let bare = APIConnection(client: try #require(ClientID(Self.second)))
        let connections =
            #""connections":[{"client":"\#(Self.first)","user":"u","transport":"sse","connected_at":1900000000,"name":"js","num_channels":2},{"client":"\#(Self.second)","num_channels":0}]"#
        #expect(
            Wire.text(.success(.connections([full, bare], nextCursor: Self.second)))
                == "{\"result\":{\(connections),\"next_cursor\":\"\(Self.second)\"}}")
        #expect(
            Wire.text(
                .success(
                    .batch([APIBatchReply(name: "send", result: .success(.sent(delivered: 1, undeliverable: 0)))])))
                == #"{"replies":[{"send":{"delivered":1}}]}"#)
    }

    @Test("ids are in the order of their texts")
    func order() {
        var ids = (0..<200).map { _ in ClientID(high: .random(in: .min ... .max), low: .random(in: .min ... .max)) }
        ids.sort()
        #expect(ids.map(\.text) == ids.map(\.text).sorted())
    }
}
