import Testing

@testable import PharosRedis

@Suite("Redis session: handshake")
struct RedisHandshakeTests {
    /// Plays the server's side of a transcript; returns faults and events.
    private func replay(_ name: String, _ options: RedisSessionOptions) -> (said: [String], events: [String]) {
        var session = RedisSession(options)
        session.begin(nowMs: 0)
        var said: [String] = []
        for line in Transcript(name).lines {
            switch line {
            case .sent(let bytes):
                let output = session.withOutput { Array($0) }
                if output != bytes { said.append("instead of \(Escapes.text(bytes)): \(Escapes.text(output))") }
                session.markSent(output.count)
            case .received(let bytes, _): session.receive(bytes)
            }
        }
        var events: [String] = []
        while let event = session.nextEvent() { events.append(event.notation) }
        return (said, events)
    }

    @Test("RESP3, a name and a database, as a real server answers it")
    func resp3() {
        let result = replay("handshake-resp3", RedisSessionOptions(clientName: "pharos", database: 2))
        #expect(result.said == [])
        #expect(result.events == ["ready RESP3 redis 7.0.15 standalone master"])
    }

    @Test("RESP3 with a password, as a real server answers it")
    func resp3Password() {
        let options = RedisSessionOptions(credentials: RedisCredentials(password: "secret"), clientName: "pharos")
        let result = replay("auth-resp3", options)
        #expect(result.said == [])
        #expect(result.events == ["ready RESP3 redis 7.0.15 standalone master"])
    }

    @Test("a real server without HELLO is spoken to in RESP2")
    func resp2() {
        let options = RedisSessionOptions(
            credentials: RedisCredentials(password: "secret"), clientName: "pharos", database: 2)
        let result = replay("handshake-resp2", options)
        #expect(result.said == [])
        #expect(result.events == ["ready RESP2"])
    }

    @Test("a wrong password ends the session, in both versions", arguments: ["auth-resp3-wrong", "auth-resp2-wrong"])
    func wrongPassword(name: String) {
        let options = RedisSessionOptions(credentials: RedisCredentials(password: "guess"), clientName: "pharos")
        let result = replay(name, options)
        #expect(result.said == [])
        #expect(
            result.events == ["over: refused -WRONGPASS invalid username-password pair or user is disabled."])
    }

    @Test("a missing password ends the session")
    func missingPassword() {
        var dialogue = Dialogue(RedisSessionOptions(clientName: "pharos"))
        dialogue.play(
            #"""
            > HELLO 3 SETNAME pharos
            < -NOAUTH HELLO must be called with the client already authenticated\r\n
            = over: refused -NOAUTH HELLO must be called with the client already authenticated
            """#)
        dialogue.expectQuiet()
    }

    @Test("a version that the server does not have is given up, with a user's name for AUTH")
    func noProtocol() {
        let credentials = RedisCredentials(user: "node", password: "secret")
        var dialogue = Dialogue(RedisSessionOptions(credentials: credentials, clientName: "pharos", database: 1))
        dialogue.play(
            #"""
            > HELLO 3 AUTH node secret SETNAME pharos
            < -NOPROTO unsupported protocol version\r\n
            > AUTH node secret
            < +OK\r\n
            > CLIENT SETNAME pharos
            < -ERR unknown command 'CLIENT'\r\n
            > SELECT 1
            < -ERR SELECT is not allowed in cluster mode\r\n
            = over: refused -ERR SELECT is not allowed in cluster mode
            """#)
        dialogue.expectQuiet()
    }

    @Test("RESP2 by choice, with nothing to say, is ready at once")
    func nothingToSay() {
        var dialogue = Dialogue(RedisSessionOptions(prefersRESP3: false))
        dialogue.play("= ready RESP2")
        dialogue.expectQuiet()
    }

    @Test("a refused connection says why before it was asked anything")
    func refusedConnection() {
        var dialogue = Dialogue()
        dialogue.play(
            #"""
            < -ERR max number of clients reached\r\n
            = over: refused -ERR max number of clients reached
            """#)
        dialogue.expectQuiet()
    }

    @Test("a reply that is none to HELLO ends the session", arguments: [#"+OK\r\n"#, #"%1\r\n+proto\r\n:2\r\n"#])
    func nonsense(reply: String) {
        var dialogue = Dialogue()
        dialogue.play("> HELLO 3\n< \(reply)\n= over: unexpectedReply")
        dialogue.expectQuiet()
    }

    @Test("a reply before HELLO was sent ends the session")
    func earlyReply() {
        var dialogue = Dialogue()
        dialogue.session.receive(Escapes.bytes(#"%1\r\n$5\r\nproto\r\n:3\r\n"#))
        dialogue.play("= over: unexpectedReply")
        dialogue.expectQuiet()
    }

    @Test("a handshake that takes too long ends the session at its deadline")
    func timeout() {
        var dialogue = Dialogue(RedisSessionOptions(handshakeTimeoutMs: 500))
        _ = dialogue.session.send(["PING"], deadlineMs: 2_000)
        dialogue.play("> HELLO 3")
        #expect(dialogue.session.nextDeadlineMs == 500)
        dialogue.session.advance(toMs: 499)
        dialogue.expectQuiet()
        dialogue.session.advance(toMs: 500)
        dialogue.play("= failed 1 closed notSent\n= over: handshakeTimedOut")
        #expect(dialogue.session.nextDeadlineMs == nil)
        dialogue.expectQuiet()
    }
}
