import PharosDomain
import PharosProtocol
import Testing

@Suite("Answers of a plain authorisation subrequest")
struct AuthorizeAnswerTests {
    private func outcome(
        _ status: Int, _ body: String = "", type: String = "", _ set: (inout HTTPAnswer) -> Void = { _ in }
    )
        throws -> HookOutcome
    {
        var answer = HTTPAnswer(status: status, contentType: type, body: utf8(body))
        set(&answer)
        return try AuthorizeAnswerDecoder.decode(answer)
    }

    private func granted(_ channels: [ChannelName], user: UserID = "") -> HookOutcome {
        var claims = ConnectionClaims()
        claims.channels = channels
        claims.user = user
        return .granted(.handshake(claims))
    }

    @Test("GO-1: a list, an object or a header names exactly the channels")
    func channels() throws {
        #expect(try outcome(200, #" ["a","b"]"#) == granted(["a", "b"]))
        #expect(try outcome(201, "[]") == granted([]))
        #expect(
            try outcome(200, #"{"channels":["a"],"user":"42","data":{}}"#, type: "application/json")
                == granted(["a"], user: "42"))
        #expect(
            try outcome(204) {
                $0.channels = " a, b ,,c"
                $0.user = "42"
            } == granted(["a", "b", "c"], user: "42"))
        #expect(try outcome(200) { $0.channels = "" } == granted([]))
        #expect(try outcome(200) { $0.user = "42" } == granted([], user: "42"))
    }

    @Test("GO-1: the redirect of a push-stream endpoint is taken for its channel path")
    func redirect() throws {
        let target = "/ws?_=1420000000000&tag=&time=&eventid=&channels=a/b.b3/c%2Fd/e.bx"
        #expect(try outcome(200) { $0.redirect = target } == granted(["a", "b", "c", "d", "e.bx"]))
        #expect(try outcome(200) { $0.redirect = "/ws?channels=1" } == granted(["1"]))
        #expect(throws: MalformedFrame.self) { try outcome(200) { $0.redirect = "/ws" } }
        #expect(throws: MalformedFrame.self) { try outcome(200) { $0.redirect = "/ws?tag=1" } }
        #expect(throws: MalformedFrame.self) { try outcome(200) { $0.redirect = "/ws?channels=%zz" } }
    }

    @Test("a header counts more than the body, and a page beside it is not read")
    func precedence() throws {
        #expect(
            try outcome(200, #"{"channels":["x"],"user":"1"}"#, type: "application/json; charset=utf-8") {
                $0.channels = "a"
            } == granted(["a"], user: "1"))
        #expect(try outcome(200, "<html>", type: "text/html") { $0.channels = "a" } == granted(["a"]))
        #expect(throws: MalformedFrame.self) {
            try outcome(200, "{", type: "application/json") { $0.channels = "a" }
        }
    }

    @Test("an answer that allows and says nothing lets nobody in")
    func nothing() {
        #expect(throws: MalformedFrame.self) { try outcome(200) }
        #expect(throws: MalformedFrame.self) { try outcome(200, "<html>please log in</html>", type: "text/html") }
        #expect(throws: MalformedFrame.self) { try outcome(200, #"["a",1]"#) }
        #expect(throws: MalformedFrame.self) { try outcome(302) { $0.user = "42" } }
        #expect(throws: MalformedFrame.self) { try outcome(500) }
    }

    @Test("GO-1: a refusal keeps its status", arguments: [400, 401, 403, 404, 429])
    func refusal(status: Int) throws {
        #expect(try outcome(status, "no") == .status(status))
    }
}
