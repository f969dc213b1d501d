import Pharos
import PharosDomain
import PharosTestKit
import Testing

extension Library {
    @Suite("hooks that decide")
    struct Decisions {}
}

private struct Unexpected: Error {}

extension Library.Decisions {
    @Test("connect names the user and the channels, and the client hears them without asking")
    func connect() async throws {
        try await Library.serve {
            $0.acceptsAnonymous = false
        } hooks: { hooks in
            hooks.pass(cookies: ["login"])
            hooks.connect { request in
                guard request.client.cookies["login"] == "secret" else { return .refuse(code: 403, "who are you?") }
                #expect(request.client.transport == "websocket")
                return .allow(
                    user: "42", channels: ["news"], info: bytes("{\"name\":\"Ann\"}"), data: bytes("{\"a\":1}"))
            }
        } body: { server, port in
            let client = try Library.client(port, headers: [("Cookie", "other=1; login=secret")])
            let result = try client.connect()
            #expect(text(result.data) == "{\"a\":1}")
            #expect(Array(result.subscriptions.keys) == ["news"])
            try await server.publish("\"hello\"", to: "news")
            #expect(text(try client.publication().publication.data) == "\"hello\"")

            let stranger = try Library.client(port, headers: [("Cookie", "login=wrong")])
            try stranger.send(.connect())
            #expect(try stranger.reply(to: 1) == .error(ReplyError(code: 403, message: "who are you?")))
        }
    }

    @Test("the handshake names the user and the channels before anything is answered, or refuses with a status (GO-1)")
    func handshake() async throws {
        let seen = Seen()
        try await Library.serve {
            $0.acceptsAnonymous = false
        } hooks: { hooks in
            hooks.pass(cookies: ["login"])
            hooks.handshake { request in
                seen.note("\(request.method) \(request.path) \(request.client.transport) \(request.client.id)")
                switch request.client.cookies["login"] {
                case "secret"?: return .allow(user: "42", channels: ["news"], meta: bytes("{\"m\":1}"))
                case "outdated"?: return .refuse(status: 403)
                case "broken"?: throw Unexpected()
                default: return .refuse(status: 401)
                }
            }
            hooks.connect { _ in
                seen.note("asked about a connect")
                return .refuse()
            }
            hooks.subscribe { request in
                seen.note("\(request.client.user) \(text(request.client.meta)) \(request.channel)")
                return .allow
            }
        } body: { server, port in
            for (cookie, status) in [("login=outdated", 403), ("login=broken", 503), ("other=secret", 401)] {
                #expect(throws: TestClient.Failure.refused(status: status)) {
                    try Library.client(port, headers: [("Cookie", cookie)])
                }
            }
            let client = try Library.client(port, headers: [("Cookie", "other=1; login=secret")])
            #expect(Array(try client.connect().subscriptions.keys) == ["news"])
            try await server.publish("\"hello\"", to: "news")
            #expect(text(try client.publication().publication.data) == "\"hello\"")
            try client.subscribe("more")
            let head = "GET /connection/websocket websocket "
            #expect(await seen.first(5) == [head, head, head, head, "42 {\"m\":1} more"])
        }
    }

    @Test("a closure that throws lets nobody in, and the client may try again")
    func throwing() async throws {
        try await Library.serve {
            $0.acceptsAnonymous = false
        } hooks: { hooks in
            hooks.connect { _ in throw Unexpected() }
        } body: { _, port in
            let client = try Library.client(port)
            try client.send(.connect())
            #expect(try client.reply(to: 1) == .error(.internalError))
        }
    }

    @Test("a closure that takes too long is cancelled, and lets nobody in")
    func tooSlow() async throws {
        let seen = Seen()
        try await Library.serve {
            $0.acceptsAnonymous = false
        } hooks: { hooks in
            hooks.timeout = .milliseconds(50)
            hooks.connect { _ in
                do {
                    try await Task.sleep(for: .seconds(3_600))
                } catch {
                    seen.note("cancelled")
                }
                return .allow(user: "late")
            }
        } body: { _, port in
            let client = try Library.client(port)
            try client.send(.connect())
            #expect(try client.reply(to: 1) == .error(.internalError))
            #expect(await seen.first(1) == ["cancelled"])
        }
    }

    @Test("subscribe is decided per channel, in place of the namespace's rules")
    func subscribe() async throws {
        try await Library.serve {
            $0.channels.maySubscribe = .nobody
        } hooks: { hooks in
            hooks.subscribe(in: [""]) { request in
                switch request.channel {
                case "open": .allow(data: bytes("{\"b\":2}"))
                case "closed": .refuse()
                default: .disconnect(code: 4_501, "never again")
                }
            }
        } body: { _, port in
            let client = try Library.connected(port)
            #expect(text(try client.subscribe("open").data) == "{\"b\":2}")
            #expect(try client.call { .subscribe(id: $0, "closed") } == .error(.permissionDenied))
            // Not asked: the namespace is not named.
            try client.subscribe("log:x")
            try client.send(.subscribe(id: 99, "forbidden"))
            #expect(try client.ending().reason == Disconnect(code: 4_501, reason: "never again"))
        }
    }

    @Test("publish is allowed, rewritten, dropped or refused; order is kept whatever the closure does")
    func publish() async throws {
        try await Library.serve {
            $0.channels.mayPublish = .nobody
        } hooks: { hooks in
            hooks.publish { request in
                switch text(request.data) {
                case "1":
                    // Later ones overtake it unless they wait.
                    for _ in 0..<100 { await Task.yield() }
                    return .allow
                case "2": return .allow(data: bytes("\"two\""), tags: ["by": "hook"])
                case "3": return .drop
                case "4": return .refuse(code: 400, "not four")
                default: return .allow
                }
            }
        } body: { server, port in
            let subscription = server.subscribe("chat")
            let client = try Library.connected(port)
            try client.send((1...5).map { .publish(id: UInt32($0) + 10, "chat", "\($0)") })
            for id: UInt32 in [11, 12, 13] { #expect(try client.reply(to: id) == .publish) }
            #expect(try client.reply(to: 14) == .error(ReplyError(code: 400, message: "not four")))
            var heard: [Pharos.Publication] = []
            for await publication in subscription {
                heard.append(publication)
                if heard.count == 3 { break }
            }
            #expect(heard.map(\.text) == ["1", "\"two\"", "5"])
            #expect(heard[1].tags == ["by": "hook"])
            #expect(heard[0].publisher?.client == client.id.text)
        }
    }

    @Test("calls are answered, and messages arrive in the order in which they were sent")
    func callsAndMessages() async throws {
        let seen = Seen()
        try await Library.serve { _ in
        } hooks: { hooks in
            hooks.call { request in
                request.method == "add" ? .result("{\"sum\":3}") : .refuse(code: 404, "no such method")
            }
            hooks.received { request in
                if text(request.data) == "\"bye\"" { return .disconnect(code: 4_000, "bye") }
                if text(request.data) == "0" { for _ in 0..<100 { await Task.yield() } }
                seen.note(text(request.data))
                return .accepted
            }
        } body: { _, port in
            let client = try Library.connected(port)
            let command = { (id: UInt32, method: MethodName) in
                Command(id: id, request: .rpc(method: method, data: bytes("[1,2]")))
            }
            #expect(try client.call { command($0, "add") } == .rpc(data: bytes("{\"sum\":3}")))
            let error = ReplyError(code: 404, message: "no such method")
            #expect(try client.call { command($0, "other") } == .error(error))
            let messages = (0..<20).map { Command(id: 0, request: .send(data: bytes("\($0)"))) }
            try client.send(messages)
            #expect(await seen.first(20) == (0..<20).map(String.init))
            try client.send(Command(id: 0, request: .send(data: bytes("\"bye\""))))
            #expect(try client.ending().reason.code == 4_000)
        }
    }

    @Test("what an answer leaves with the connection comes back with later questions")
    func meta() async throws {
        try await Library.serve {
            $0.acceptsAnonymous = false
        } hooks: { hooks in
            hooks.connect { _ in .allow(user: "7", meta: bytes("{\"role\":\"admin\"}")) }
            hooks.call { request in .result(request.client.meta) }
        } body: { _, port in
            let client = try Library.connected(port)
            let result = try client.call { Command(id: $0, request: .rpc(method: "me", data: bytes("{}"))) }
            #expect(result == .rpc(data: bytes("{\"role\":\"admin\"}")))
        }
    }
}
