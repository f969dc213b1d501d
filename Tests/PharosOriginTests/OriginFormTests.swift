import PharosBytes
import PharosDomain
import PharosOrigin
import Testing

@Suite("Asking an origin over HTTP")
struct OriginFormTests {
    private static let allow = TestOrigin.json(#"{"result":{"user":"42"}}"#)

    private static var facts: RequestFacts {
        var facts = RequestFacts()
        facts.method = "GET"
        facts.path = "/connection/websocket"
        facts.address = "192.0.2.7"
        facts.headers = ["authorization": "Bearer t", "x-secret": "hidden"]
        facts.cookies = ["session": "s", "tracking": "hidden"]
        facts.query = ["room": "a b", "debug": "hidden"]
        return facts
    }

    private static func pass(_ settings: inout OriginSettings) {
        settings.passes.headers = ["authorization"]
        settings.passes.cookies = ["session"]
        settings.passes.query = ["room"]
        settings.passes.path = true
        settings.passes.address = true
    }

    @Test("a question in the proxy form is one POST of JSON, and the answer is its outcome")
    func proxy() async throws {
        try await OriginScene.run(script: { _ in OriginFormTests.allow }) { scene in
            var claims = ConnectionClaims()
            claims.user = "42"
            let outcome = await scene.ask(.connect(data: utf8("[1]"), name: "js", version: "", headers: [:]))
            #expect(outcome == .granted(.connect(claims, data: [])))
            let request = try #require(scene.server.requests.first)
            #expect(request.line == "POST /hook?a=1 HTTP/1.1")
            #expect(
                request.fields == [
                    "host": "127.0.0.1:\(scene.server.port)", "user-agent": "pharos/\(PharosVersion.current)",
                    "content-type": "application/json", "content-length": "\(request.body.count)",
                    "x-pharos-hook": "connect",
                ])
            #expect(
                request.bodyText
                    == #"{"client":"c1","transport":"websocket","protocol":"json","encoding":"json","data":[1],"name":"js"}"#
            )
            let counters = scene.counters(.connect)
            #expect((counters.requests, counters.inFlight, counters.errors) == (1, 0, [:]))
            #expect(counters.durationSeconds > 0)
        }
    }

    @Test("only what the lists name leaves, as header fields")
    func passList() async throws {
        try await OriginScene.run(
            { settings in
                OriginFormTests.pass(&settings)
                settings.emulatedHeaders = ["x-device"]
                settings.staticHeaders = ["x-key": "k"]
            }, script: { _ in OriginFormTests.allow }
        ) { scene in
            var request = HookRequest(
                .connect(data: [], name: "", version: "", headers: ["X-Device": "phone", "x-other": "hidden"]))
            request.facts = OriginFormTests.facts
            _ = await scene.ask(request)
            let fields = try #require(scene.server.requests.first).fields
            #expect(fields["authorization"] == "Bearer t")
            #expect(fields["cookie"] == "session=s")
            #expect(fields["x-device"] == "phone")
            #expect(fields["x-key"] == "k")
            #expect(fields["x-pharos-method"] == "GET")
            #expect(fields["x-pharos-path"] == "/connection/websocket")
            #expect(fields["x-pharos-query"] == "room=a%20b")
            #expect(fields["x-pharos-client-address"] == "192.0.2.7")
            #expect(!fields.description.contains("hidden"))
        }
        try await OriginScene.run(script: { _ in OriginFormTests.allow }) { scene in
            var request = HookRequest(OriginScene.connect)
            request.facts = OriginFormTests.facts
            _ = await scene.ask(request)
            let fields = try #require(scene.server.requests.first).fields
            #expect(fields.keys.sorted() == ["content-length", "content-type", "host", "user-agent", "x-pharos-hook"])
        }
    }

    @Test("a question as a CloudEvent has its facts in the signed body")
    func cloudEvents() async throws {
        try await OriginScene.run(
            {
                OriginFormTests.pass(&$0)
                $0.form = .cloudEvents
                $0.secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
            }, script: { _ in TestOrigin.json(#"{"result":{}}"#) }
        ) { scene in
            var request = HookRequest(.subscribe(channel: "news", token: "", data: []))
            request.client = "c1"
            request.user = "42"
            request.meta = utf8(#"{"k":1}"#)
            request.facts = OriginFormTests.facts
            #expect(await scene.ask(request) == .granted(.subscribe(SubscriptionOptions())))
            _ = await scene.ask(request)
            let asked = scene.server.requests
            let fields = asked[0].fields
            #expect(fields["ce-specversion"] == "1.0")
            #expect(fields["ce-source"] == "/pharos/n1")
            #expect(fields["ce-type"] == "pharos.client.subscribe")
            #expect(fields["ce-subject"] == "c1")
            #expect(fields["ce-user"] == "42")
            #expect(fields["ce-channel"] == "news")
            #expect(fields["ce-time"]?.hasSuffix("Z") == true)
            #expect(fields["ce-id"] != asked[1].fields["ce-id"])
            #expect(fields["webhook-id"] == fields["ce-id"])
            #expect(fields["authorization"] == nil)
            #expect(fields["x-pharos-path"] == nil)
            #expect(
                asked[0].bodyText
                    == #"{"client":"c1","protocol":"json","encoding":"json","user":"42","channel":"news","meta":{"k":1},"#
                    + #""request":{"method":"GET","path":"/connection/websocket","address":"192.0.2.7","#
                    + #""headers":{"authorization":"Bearer t"},"cookies":{"session":"s"},"query":{"room":"a b"}}}"#)
            let signer = try #require(RequestSigner(secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
            let signature = asked[0].body.withUnsafeBytes {
                signer.signature(
                    id: fields["webhook-id"] ?? "", seconds: Int64(fields["webhook-timestamp"] ?? "") ?? 0, body: $0)
            }
            #expect(fields["webhook-signature"] == signature)
        }
    }

    @Test("signatures are those of Standard Webhooks")
    func signature() throws {
        let body = utf8(#"{"test": 2432232314}"#)
        let encoded = try #require(RequestSigner(secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        let signature = body.withUnsafeBytes { encoded.signature(id: "msg_1", seconds: 1_614_265_330, body: $0) }
        #expect(signature == "v1,9o7UeFkn1GjVbcY4emAJruJCYqgH2EIf8u/slvVRBZI=")
        let plain = try #require(RequestSigner(secret: "secret"))
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        #expect(plain.signature(id: "i", seconds: 1, body: empty) == "v1,Pmbu/VBYV5Ydiu81md25R7PrurJxzKWikrIvhLLqMOo=")
        #expect(RequestSigner(secret: "") == nil)
    }

    @Test("GO-1: a handshake is an authorisation subrequest that sends no channel and hears which there are")
    func authorize() async throws {
        let script: TestOrigin.Script = { request in
            switch request.fields["authorization"] {
            case "Bearer t": TestOrigin.json(#"["a","b"]"#)
            case "Bearer gone": TestOrigin.json("{}", status: "401 Unauthorized")
            case "Bearer redirect":
                .bytes("HTTP/1.1 200 OK\r\nX-Accel-Redirect: /ws?_=&channels=1/2.b9\r\ncontent-length: 0\r\n\r\n")
            default: TestOrigin.json("{}", status: "403 Forbidden")
            }
        }
        try await OriginScene.run(
            {
                OriginFormTests.pass(&$0)
                $0.form = .authorize
                $0.secret = "s"
            }, script: script
        ) { scene in
            func outcome(_ token: String) async -> HookOutcome {
                var request = HookRequest(.handshake)
                request.facts = OriginFormTests.facts
                request.facts.headers["authorization"] = "Bearer " + token
                return await scene.ask(request)
            }
            var claims = ConnectionClaims()
            claims.channels = ["a", "b"]
            #expect(await outcome("t") == .granted(.handshake(claims)))
            claims.channels = ["1", "2"]
            #expect(await outcome("redirect") == .granted(.handshake(claims)))
            #expect(await outcome("gone") == .status(401))
            #expect(await outcome("x") == .status(403))
            let request = try #require(scene.server.requests.first)
            #expect(request.line == "POST /hook?a=1 HTTP/1.1")
            #expect(request.body.isEmpty)
            #expect(request.fields["x-pharos-path"] == "/connection/websocket")
            #expect(request.fields["x-pharos-hook"] == "handshake")
            #expect(request.fields["webhook-signature"] != nil)
            #expect(await scene.ask(OriginScene.connect) == .unavailable)
            #expect(scene.counters(.connect).errors == [.unsupported: 1])
        }
    }

    @Test("a handshake in the other forms may be refused by status as well")
    func handshakeStatus() async throws {
        try await OriginScene.run(script: { _ in TestOrigin.json("", status: "403 No") }) { scene in
            #expect(await scene.ask(.handshake) == .status(403))
            #expect(await scene.ask(OriginScene.connect) == .unavailable)
        }
    }

    @Test("a message needs no more of an answer than a status")
    func message() async throws {
        try await OriginScene.run(script: { _ in .bytes("HTTP/1.1 204 No Content\r\n\r\n") }) { scene in
            #expect(await scene.ask(.message(data: utf8("1"))) == .granted(.message))
            #expect(await scene.ask(OriginScene.rpc) == .unavailable)
        }
    }

    @Test("one connection carries one question after the other, and no more than allowed are open")
    func connections() async throws {
        try await OriginScene.run({ $0.concurrency = 2 }, script: { _ in OriginFormTests.allow }) { scene in
            for _ in 0..<20 { _ = await scene.ask(OriginScene.connect) }
            #expect(scene.server.connectionCount == 1)
            await withTaskGroup(of: HookOutcome.self) { group in
                for _ in 0..<50 { group.addTask { await scene.ask(OriginScene.connect) } }
                for await outcome in group { #expect(outcome != .unavailable) }
            }
            #expect(scene.server.seen.withLock { $0.mostOpen } <= 2)
            #expect(scene.server.requests.count == 70)
        }
    }
}
