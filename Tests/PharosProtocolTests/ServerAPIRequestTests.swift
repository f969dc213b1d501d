import PharosDomain
import PharosProtocol
import Testing

@Suite("Server API requests")
struct ServerAPIRequestTests {
    @Test("a publish with every field")
    func publish() throws {
        var expected = APIPublish()
        expected.channel = "c"
        expected.data = utf8(#"{"a": 1}"#)
        expected.dataIsJSON = true
        expected.skipHistory = true
        expected.tags = ["k": "v"]
        expected.idempotencyKey = "i"
        expected.delta = true
        expected.version = .max
        expected.versionEpoch = "ve"
        let body = #"""
            {"channel":"c","data":{"a": 1},"skip_history":true,"tags":{"k":"v"},"idempotency_key":"i","delta":true,
            "version":18446744073709551615,"version_epoch":"ve","new":{}}
            """#
        #expect(try Wire.api("publish", body) == .publish(expected))
    }

    @Test("data may be any JSON, null included")
    func anyData() throws {
        for data in ["null", "1", "\"\"", "[]", "false"] {
            var expected = APIPublish()
            expected.channel = "c"
            expected.data = utf8(data)
            expected.dataIsJSON = true
            #expect(try Wire.api("publish", "{\"channel\":\"c\",\"data\":\(data)}") == .publish(expected))
        }
    }

    @Test("base64 data is bytes, counts before data, and knows whether it is JSON")
    func base64Data() throws {
        func publish(_ fields: String) throws -> APIPublish? {
            guard case .publish(let publish) = try Wire.api("publish", "{\"channel\":\"c\",\(fields)}") else {
                return nil
            }
            return publish
        }
        #expect(try publish(#""b64data":"AP8=""#)?.data == [0, 255])
        #expect(try publish(#""b64data":"AP8=""#)?.dataIsJSON == false)
        #expect(try publish(#""b64data":"eyJhIjoxfQ==""#)?.data == utf8(#"{"a":1}"#))
        #expect(try publish(#""b64data":"eyJhIjoxfQ==""#)?.dataIsJSON == true)
        #expect(try publish(#""b64data":"AP8=","data":1"#)?.data == [0, 255])
        #expect(try publish(#""data":null,"b64data":"AP8=""#)?.data == [0, 255])
        #expect(try publish(#""data":7,"b64data":"""#)?.data == utf8("7"))
        #expect(try publish(#""data":7,"b64data":null"#)?.data == utf8("7"))
        #expect(try publish(#""b64data":"\/\/\/\/""#)?.data == [255, 255, 255])
    }

    @Test("a broadcast keeps its channels in order and may lack data")
    func broadcast() throws {
        var expected = APIBroadcast()
        expected.channels = ["b", "a", "b"]
        expected.template.data = utf8("1")
        expected.template.dataIsJSON = true
        expected.template.idempotencyKey = "i"
        #expect(
            try Wire.api("broadcast", #"{"channels":["b","a","b"],"data":1,"idempotency_key":"i"}"#)
                == .broadcast(expected))
        var empty = APIBroadcast()
        empty.channels = ["a"]
        #expect(try Wire.api("broadcast", #"{"channels":["a"]}"#) == .broadcast(empty))
    }

    @Test("a subscribe with every field")
    func subscribe() throws {
        var expected = APISubscribe()
        expected.channel = "c"
        expected.user = "u"
        expected.client = "cl"
        expected.session = "s"
        expected.options.expireAt = 1_900_000_000
        expected.options.info = utf8("{}")
        expected.options.data = [1, 2, 3]
        expected.options.override.presence = true
        expected.options.override.joinLeave = false
        expected.options.override.forceRecovery = false
        expected.recoverSince = StreamPosition(offset: 5, epoch: "e")
        let body = #"""
            {"channel":"c","user":"u","client":"cl","session":"s","expire_at":1900000000,"info":{},"b64data":"AQID","data":null,
            "recover_since":{"offset":5,"epoch":"e"},
            "override":{"presence":{"value":true},"join_leave":{"value":false},"force_positioning":null,"force_recovery":{}}}
            """#
        #expect(try Wire.api("subscribe", body) == .planned(expected))
    }

    @Test("the methods that narrow a user's connections")
    func narrowing() throws {
        var unsubscribe = APIUnsubscribe()
        unsubscribe.channel = "c"
        unsubscribe.user = "u"
        unsubscribe.client = "cl"
        unsubscribe.session = "s"
        #expect(
            try Wire.api("unsubscribe", #"{"channel":"c","user":"u","client":"cl","session":"s"}"#)
                == .planned(unsubscribe))
        var disconnect = APIDisconnect()
        disconnect.user = "u"
        #expect(try Wire.api("disconnect", #"{"user":"u"}"#) == .planned(disconnect))
        #expect(disconnect.disconnect == .forceDisconnect)
        disconnect.whitelist = ["a", "b"]
        disconnect.disconnect = Disconnect(code: 4000, reason: "bye")
        #expect(
            try Wire.api("disconnect", #"{"user":"u","whitelist":["a","b"],"disconnect":{"code":4000,"reason":"bye"}}"#)
                == .planned(disconnect))
        var refresh = APIRefresh()
        refresh.user = "u"
        refresh.expired = true
        refresh.expireAt = -1
        refresh.info = utf8("[]")
        #expect(
            try Wire.api("refresh", #"{"user":"u","expired":true,"expire_at":-1,"b64info":"W10="}"#)
                == .planned(refresh))
    }

    @Test("the methods that read")
    func reading() throws {
        #expect(try Wire.api("presence", #"{"channel":"c"}"#) == .planned(APIPresence(channel: "c")))
        #expect(try Wire.api("presence_stats", #"{"channel":"c"}"#) == .planned(APIPresenceStats(channel: "c")))
        #expect(try Wire.api("history_remove", #"{"channel":"c"}"#) == .planned(APIHistoryRemove(channel: "c")))
        #expect(try Wire.api("info", "{}") == .planned(APIInfo()))
        #expect(try Wire.api("info", "") == .planned(APIInfo()))
        #expect(try Wire.api("channels", "") == .planned(APIChannels()))
        var channels = APIChannels()
        channels.pattern = "a*"
        channels.limit = 10
        channels.cursor = "x"
        #expect(try Wire.api("channels", #"{"pattern":"a*","limit":10,"cursor":"x"}"#) == .planned(channels))
        var history = APIHistory()
        history.channel = "c"
        history.limit = -1
        history.since = StreamPosition(offset: 3, epoch: "e")
        history.reverse = true
        #expect(
            try Wire.api("history", #"{"channel":"c","limit":-1,"since":{"offset":3,"epoch":"e"},"reverse":true}"#)
                == .planned(history))
        #expect(
            try Wire.api("rpc", #"{"method":"m","params":{"a":1}}"#)
                == .planned(APIRPC(method: "m", params: utf8(#"{"a":1}"#))))
        #expect(try Wire.api("rpc", #"{"method":"m"}"#) == .planned(APIRPC(method: "m", params: [])))
    }

    @Test("the old form carries the method inside, in any order")
    func envelope() throws {
        #expect(
            try Wire.apiEnvelope(#"{"params":{"channel":"c"},"method":"presence"}"#)
                == .planned(APIPresence(channel: "c")))
        #expect(try Wire.apiEnvelope(#"{"method":"info"}"#) == .planned(APIInfo()))
        #expect(throws: ReplyError.methodNotFound) { try Wire.apiEnvelope(#"{"method":"nope","params":{}}"#) }
        #expect(throws: ReplyError.badRequest("method is required")) { try Wire.apiEnvelope("{}") }
    }

    @Test("unknown methods are 104, declined ones 108")
    func unknownMethods() {
        #expect(throws: ReplyError.methodNotFound) { try Wire.api("nope", "{}") }
        #expect(throws: ReplyError.methodNotFound) { try Wire.api("", "{}") }
        #expect(throws: ReplyError.notAvailable) { try Wire.api("map_publish", "{}") }
        #expect(throws: ReplyError.notAvailable) { try Wire.api("shared_poll_publish", "{}") }
    }

    @Test(
        "an error names the field",
        arguments: [
            ("publish", "{}", "channel is required"), ("publish", #"{"channel":"","data":1}"#, "channel is required"),
            ("publish", #"{"channel":"c"}"#, "data is required"), ("publish", "", "channel is required"),
            ("publish", #"{"channel":7,"data":1}"#, "channel: string expected"),
            ("publish", #"{"channel":"c","b64data":"A"}"#, "b64data: not base64"),
            ("publish", #"{"channel":"c","data":1,"version":-1}"#, "version: integer out of range"),
            ("publish", #"{"channel":"c","data":1,"tags":{"a":null}}"#, "tags: string expected"),
            ("publish", #"{"channel":"c","data":nul}"#, "data: not JSON"), ("publish", "[]", "object expected"),
            ("publish", "null", "object expected"),
            ("publish", #"{"channel":"c","data":1} x"#, "something follows the value"),
            ("publish", #"{"SECRET \" !":nul}"#, "a field: not JSON"),
            ("broadcast", #"{"data":1}"#, "channels is required"),
            ("broadcast", #"{"channels":["a",null],"data":1}"#, "channels: string expected"),
            ("subscribe", #"{"user":"u"}"#, "channel is required"), ("unsubscribe", "{}", "channel is required"),
            ("subscribe", #"{"channel":"c"}"#, "one of client, session, user is required"),
            ("unsubscribe", #"{"channel":"c"}"#, "one of client, session, user, all is required"),
            ("disconnect", "{}", "one of client, session, user, channel, all is required"),
            ("disconnect", "", "one of client, session, user, channel, all is required"),
            ("disconnect", #"{"whitelist":["c"]}"#, "one of client, session, user, channel, all is required"),
            ("refresh", #"{"expired":true}"#, "one of client, session, user is required"),
            ("publish", #"{"channel":"\ud83e","data":1}"#, "channel: half a surrogate pair"),
            ("publish", #"{"channel":"c","data":1,"tags":{"a":"\ud83e"}}"#, "tags: half a surrogate pair"),
            ("presence", "{}", "channel is required"), ("presence_stats", "{}", "channel is required"),
            ("history", "{}", "channel is required"), ("history_remove", "{}", "channel is required"),
            ("history", #"{"channel":"c","limit":1.5}"#, "limit: integer expected"),
            ("rpc", "{}", "method is required"), ("channels", #"{"limit":-1}"#, "limit: must not be negative"),
            ("disconnect", #"{"user":"u","disconnect":{"code":1005}}"#, "disconnect: code must be from 3000 to 4999"),
            ("batch", "{}", "commands is required"), ("batch", #"{"commands":null}"#, "commands: array expected"),
            ("batch", #"{"commands":[{]}"#, "commands: not JSON"),
        ])
    func namesField(method: MethodName, body: String, reason: String) {
        #expect(throws: ReplyError.badRequest(reason)) { try Wire.api(method, body) }
    }

    @Test("a batch keeps its order, and what is wrong with one command stays there")
    func batch() throws {
        let body = #"""
            {"commands":[
                {"publish":{"channel":"c","data":1}}, null, {"nope":{}}, {"presence":{}}, {"info":{}}, {}, {"map_publish":{}},
                {"batch":{"commands":[]}}, {"publish":null}, 7, {"presence":{"channel":"a"},"history":{"channel":"a"}},
                {"presence":{"channel":"c"},"x":1}
            ],"parallel":true}
            """#
        var publish = APIPublish()
        publish.channel = "c"
        publish.data = utf8("1")
        publish.dataIsJSON = true
        let expected: [Result<APIRequest, ReplyError>] = [
            .success(.publish(publish)), .failure(.badRequest), .failure(.methodNotFound),
            .failure(.badRequest("channel is required")), .success(.planned(APIInfo())), .failure(.methodNotFound),
            .failure(.notAvailable),
            .failure(.methodNotFound), .failure(.badRequest("object expected")), .failure(.badRequest),
            .failure(.badRequest("two methods in one command")), .success(.planned(APIPresence(channel: "c"))),
        ]
        #expect(try Wire.api("batch", body) == .batch(APIBatch(expected, parallel: true)))
        #expect(try Wire.api("batch", #"{"commands":[]}"#) == .batch(APIBatch([], parallel: false)))
    }

    @Test("half a surrogate pair is one command's fault where it is a name, and passes where it is a payload")
    func halfPairs() throws {
        let payload = #"{"text":"\ud83e"}"#
        let body =
            #"{"commands":[{"publish":{"channel":"c\ud83e","data":1}},{"publish":{"channel":"c","data":\#(payload)}}]}"#
        var publish = APIPublish()
        (publish.channel, publish.data, publish.dataIsJSON) = ("c", utf8(payload), true)
        #expect(
            try Wire.api("batch", body)
                == .batch(
                    APIBatch(
                        [.failure(.badRequest("channel: half a surrogate pair")), .success(.publish(publish))],
                        parallel: false)))
    }

    @Test("a batch has a limit")
    func batchLimit() throws {
        func body(_ count: Int) -> String {
            "{\"commands\":[" + Array(repeating: "{\"info\":{}}", count: count).joined(separator: ",") + "]}"
        }
        guard case .batch(let batch) = try Wire.api("batch", body(APIBatch.limit)) else { return }
        #expect(batch.commands.count == APIBatch.limit)
        #expect(throws: ReplyError.self) { try Wire.api("batch", body(APIBatch.limit + 1)) }
    }

    @Test("no prefix of a body is accepted or crashes", arguments: ServerAPI.verbs.map { $0.name })
    func truncated(method: MethodName) {
        let body = utf8(
            #"{"channel":"c","user":"u","channels":["a"],"data":{"a":1},"method":"m","commands":[{"info":{}},null],"override":{"presence":{}}}"#
        )
        #expect(throws: Never.self) { try Wire.api(method, String(decoding: body, as: UTF8.self)) }
        for count in 1..<body.count {
            #expect(throws: ReplyError.self) {
                try Wire.api(method, String(decoding: body[..<count], as: UTF8.self))
            }
        }
    }
}
