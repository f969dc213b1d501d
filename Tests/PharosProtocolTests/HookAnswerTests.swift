import PharosDomain
import PharosProtocol
import Testing

@Suite("Answers of origins")
struct HookAnswerTests {
    @Test("connect names the user, channels, subscriptions, data and what the connection carries")
    func connect() throws {
        var claims = ConnectionClaims()
        claims.user = "42"
        claims.expireAt = 1_900_000_000
        claims.info = utf8(#"{"name":"Ann"}"#)
        claims.channels = ["a", "b"]
        claims.meta = utf8(#"{"k":1}"#)
        var options = SubscriptionOptions()
        options.data = utf8("[1]")
        options.override.presence = false
        claims.subscriptions = ["c": options]
        #expect(
            try OriginWire.answer(
                .connect,
                #"{"result":{"user":"42","expire_at":1900000000,"info":{"name":"Ann"},"data":{"x":2},"channels":["a","b"],"#
                    + #""subs":{"c":{"b64data":"WzFd","override":{"presence":{"value":false}}}},"meta":{"k":1},"#
                    + #""caps":[{"deep":[null]}]}}"#)
                == .granted(.connect(claims, data: utf8(#"{"x":2}"#)), meta: utf8(#"{"k":1}"#)))
    }

    @Test("every question may be granted with nothing said")
    func bareGrants() throws {
        let grants: [(HookKind, HookGrant)] = [
            (.handshake, .handshake(ConnectionClaims())), (.connect, .connect(ConnectionClaims(), data: [])),
            (.refresh, .refresh(HookRefresh())), (.subscribe, .subscribe(SubscriptionOptions())),
            (.publish, .publish(HookPublish())), (.rpc, .rpc(data: [])), (.subRefresh, .subRefresh(HookRefresh())),
            (.message, .message),
        ]
        for (kind, grant) in grants {
            #expect(try OriginWire.answer(kind, #"{"result":{},"error":null,"disconnect":null}"#) == .granted(grant))
        }
    }

    @Test("a publication is rewritten, tagged, kept out of history or dropped; nothing said leaves it as it was")
    func publish() throws {
        var publish = HookPublish()
        publish.data = utf8("{}")
        publish.isDropped = true
        publish.skipHistory = true
        publish.tags = ["t": "1"]
        publish.idempotencyKey = "k"
        publish.delta = true
        publish.version = 7
        publish.versionEpoch = "e"
        #expect(
            try OriginWire.answer(
                .publish,
                #"{"result":{"data":{},"drop":true,"skip_history":true,"tags":{"t":"1"},"idempotency_key":"k","delta":true,"#
                    + #""version":7,"version_epoch":"e","meta":1}}"#) == .granted(.publish(publish), meta: utf8("1")))
    }

    @Test("refresh says whether, when and with which info")
    func refresh() throws {
        var refresh = HookRefresh()
        refresh.isExpired = true
        #expect(try OriginWire.answer(.subRefresh, #"{"result":{"expired":true}}"#) == .granted(.subRefresh(refresh)))
        refresh = HookRefresh()
        refresh.expireAt = 5
        refresh.info = utf8("\"i\"")
        #expect(
            try OriginWire.answer(.refresh, #"{"result":{"expire_at":5,"info":"i","meta":null}}"#)
                == .granted(.refresh(refresh)))
    }

    @Test("an error and a disconnect are passed on as they are")
    func refusals() throws {
        #expect(
            try OriginWire.answer(.rpc, #"{"error":{"code":1001,"message":"no","temporary":true}}"#)
                == .refused(ReplyError(code: 1001, message: "no", isTemporary: true)))
        #expect(
            try OriginWire.answer(.subscribe, #"{"disconnect":{"code":4500,"reason":"bye"}}"#)
                == .disconnect(Disconnect(code: 4500, reason: "bye")))
    }

    @Test("a refused handshake becomes a status")
    func handshake() throws {
        #expect(try OriginWire.answer(.handshake, #"{"error":{"code":101}}"#) == .status(401))
        #expect(try OriginWire.answer(.handshake, #"{"error":{"code":103}}"#) == .status(403))
        #expect(try OriginWire.answer(.handshake, #"{"disconnect":{"code":3500}}"#) == .status(403))
        #expect(
            try OriginWire.answer(.handshake, #"{"error":{"code":100,"temporary":true}}"#)
                == .refused(ReplyError(code: 100, message: "", isTemporary: true)))
    }

    @Test(
        "what is not exactly one answer of the right types is nonsense",
        arguments: [
            "", "{}", "[]", "null", "true", "<html>", #"{"result":null}"#, #"{"result":[]}"#, #"{"result":{}"#,
            #"{"result":{},"error":{"code":103}}"#, #"{"result":{},"result":{}}"#, #"{"result":{}} x"#,
            #"{"error":{}}"#, #"{"error":{"code":3}}"#, #"{"error":{"code":"103"}}"#, #"{"error":{"code":-1}}"#,
            #"{"disconnect":{}}"#, #"{"disconnect":{"code":1000}}"#, #"{"disconnect":{"code":5000}}"#,
            #"{"result":{"user":42}}"#, #"{"result":{"channels":"a"}}"#, #"{"result":{"channels":[null]}}"#,
            #"{"result":{"b64info":"?"}}"#, #"{"result":{"expire_at":1.5}}"#, #"{"result":{"expire_at":-1}}"#,
            #"{"result":{"subs":{"a":1}}}"#, #"{"result":{"data":tru}}"#,
        ])
    func nonsense(body: String) {
        #expect(throws: MalformedFrame.self) { try OriginWire.answer(.connect, body) }
    }
}
