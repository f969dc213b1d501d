import PharosDomain
import PharosProtocol
import Testing

@Suite("JSON there and back")
struct JSONRoundTripTests {
    @Test("every command, written and read, is the same", arguments: JSONSamples.commands)
    func commands(command: Command) throws {
        let text = Wire.text(command)
        #expect(Wire.isValid(text))
        #expect(try Wire.commands(text) == [command])
    }

    @Test("every reply, written and read, is the same", arguments: JSONSamples.replies)
    func replies(reply: Reply) throws {
        let text = Wire.text(reply)
        #expect(Wire.isValid(text))
        #expect(try Wire.messages(text) == [.reply(reply)])
    }

    @Test("every push, written and read, is the same", arguments: JSONSamples.pushes)
    func pushes(push: Push) throws {
        let text = Wire.text(push)
        #expect(Wire.isValid(text))
        #expect(try Wire.messages(text) == [.push(push)])
    }

    @Test("a frame of everything is read in order")
    func wholeFrame() throws {
        let lines = ["{}"] + JSONSamples.replies.map { Wire.text($0) } + JSONSamples.pushes.map { Wire.text($0) }
        let expected =
            [.ping] + JSONSamples.replies.map { ServerMessage.reply($0) }
            + JSONSamples.pushes.map { ServerMessage.push($0) }
        #expect(try Wire.messages(lines.joined(separator: "\n")) == expected)
        #expect(try Wire.messages(lines.joined(separator: "\n") + "\n") == expected)
    }

    @Test(
        "a client refuses what no server says",
        arguments: [
            "", "\n", "null", #"{"id":1}"#, #"{"push":{}}"#, #"{"push":{"channel":"c"}}"#, #"{"push":null}"#,
            #"{"id":1,"ping":{},"publish":{}}"#, #"{"id":1,"ping":{},"push":{"message":{}}}"#,
            #"{"push":{"join":{"info":{}},"leave":{"info":{}}}}"#, #"{"id":1,"history":{"publications":[null]}}"#,
            #"{"id":1,"presence":{"presence":{"a":null}}}"#, #"{"id":1,"error":null}"#, "{}\n\n{}",
        ])
    func refused(frame: String) {
        #expect(throws: MalformedFrame.self) { try Wire.messages(frame) }
    }

    @Test("a client ignores fields of newer servers")
    func unknownFields() throws {
        #expect(
            try Wire.messages(#"{"id":1,"subscribe":{"id":4,"type":1,"shape":true,"publications":null},"new":[]}"#)
                == [.reply(Reply(id: 1, result: .subscribe(SubscribeResult())))])
    }
}
