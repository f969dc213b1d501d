import PharosDomain
import PharosTestKit
import Testing

@Suite("commands of a connection")
struct CommandRuleTests {
    @Test(
        "the first command must be connect",
        arguments: [
            Command.subscribe(id: 1, "news"), .publish(id: 1, "news"), .unsubscribe(id: 1, "news"), .pong,
            .refresh(id: 1, token: "token"), Command(id: 1, request: .ping), .connect(id: 0),
        ])
    func firstCommand(_ command: Command) {
        var talk = Conversation()
        #expect(talk.received(command) == .disconnect(.badRequest))
    }

    @Test("a second connect ends the connection")
    func secondConnect() throws {
        var talk = Conversation()
        try talk.connect()
        #expect(talk.received(.connect(id: 2)) == .disconnect(.badRequest))
    }

    @Test("every command except send and pong needs an id")
    func idZero() throws {
        var talk = Conversation()
        try talk.connect()
        #expect(talk.received(.subscribe(id: 0, "news")) == .disconnect(.badRequest))
        #expect(talk.received(.publish(id: 0, "news")) == .disconnect(.badRequest))
        #expect(talk.received(Command(id: 0, request: .ping)) == .disconnect(.badRequest))
    }

    @Test("a command with an id and nothing to do is malformed")
    func emptyWithID() throws {
        var talk = Conversation()
        try talk.connect()
        #expect(talk.received(Command(id: 7, request: nil)) == .disconnect(.badRequest))
    }

    @Test("ping as a command is not available, nor is rpc without a handler; send has no handler")
    func withoutHandlers() throws {
        var talk = Conversation()
        try talk.connect()
        #expect(talk.received(Command(id: 2, request: .ping)) == refusal(2, .notAvailable))
        #expect(talk.received(Command(id: 3, request: .rpc(method: "sum", data: []))) == refusal(3, .notAvailable))
        #expect(talk.received(Command(id: 0, request: .send(data: [1]))) == .disconnect(.notAvailable))
    }

    @Test("a malformed command is refused under its id, and the connection goes on")
    func malformed() throws {
        var talk = Conversation()
        try talk.connect()
        let fault = MalformedRequest(isConnect: false, reason: "half a surrogate pair")
        let error = ReplyError(code: 107, message: "bad request: half a surrogate pair")
        #expect(talk.received(Command(id: 2, request: .malformed(fault))) == refusal(2, error))
        #expect(talk.received(Command(id: 3, request: .ping)) == refusal(3, .notAvailable))
        // A second connect ends the connection, however it is made.
        let connect = MalformedRequest(isConnect: true, reason: "x")
        #expect(talk.received(Command(id: 4, request: .malformed(connect))) == .disconnect(.badRequest))
    }

    @Test("a malformed connect is refused like any other connect; another malformed command is no connect")
    func malformedConnect() {
        var talk = Conversation()
        let connect = MalformedRequest(isConnect: true, reason: "x")
        #expect(
            talk.received(Command(id: 1, request: .malformed(connect)))
                == refusal(1, ReplyError(code: 107, message: "bad request: x")))
        #expect(talk.received(.subscribe(id: 2, "news")) == .none)
        #expect(talk.after(seconds: 5) == [.disconnect(.connectionClosed)])
        var other = Conversation()
        let subscribe = MalformedRequest(isConnect: false, reason: "x")
        #expect(other.received(Command(id: 1, request: .malformed(subscribe))) == .disconnect(.badRequest))
    }

    @Test(
        "a missing channel ends the connection",
        arguments: [
            Command.subscribe(id: 2, ""), .unsubscribe(id: 2, ""), .publish(id: 2, ""), .presence(id: 2, ""),
            .presenceStats(id: 2, ""), .history(id: 2, ""), .subRefresh(id: 2, "", token: "token"),
        ])
    func missingChannel(_ command: Command) throws {
        var talk = Conversation()
        try talk.connect()
        #expect(talk.received(command) == .disconnect(.badRequest))
    }

    @Test("after a refused connect nothing more is processed, and the connection ends after 5 seconds")
    func refusedConnect() {
        var talk = Conversation { settings, _ in settings.allowAnonymousConnectWithoutToken = false }
        #expect(talk.received(.connect()) == refusal(1, .permissionDenied))
        #expect(talk.received(.subscribe(id: 2, "news")) == .none)
        #expect(talk.received(.connect(id: 3)) == .none)
        #expect(talk.after(seconds: 4.9) == [])
        #expect(talk.after(seconds: 0.1) == [.disconnect(.connectionClosed)])
    }

    @Test("after the end nothing is processed")
    func closed() throws {
        var talk = Conversation()
        try talk.connect()
        _ = talk.session.close()
        #expect(talk.received(.subscribe(id: 2, "news")) == .none)
        #expect(talk.after(seconds: 1_000) == [])
    }

    @Test("no connect within the stale delay ends the connection")
    func stale() {
        var talk = Conversation()
        #expect(talk.session.nextDeadline(talk.context) == talk.clock.nowMs + 10_000)
        #expect(talk.after(seconds: 9.9) == [])
        #expect(talk.after(seconds: 0.1) == [.disconnect(.stale)])
    }

    @Test("a connect that waits for its token counts as no connect")
    func staleWhileVerifying() {
        var talk = Conversation()
        #expect(talk.received(.connect(token: "token")) == .verifyConnection(token: "token"))
        #expect(talk.session.mustWait(.pong) == true)
        #expect(talk.after(seconds: 10) == [.disconnect(.stale)])
    }
}
