import PharosDomain
import PharosProtocol
import Testing

@Suite("Commands in JSON")
struct JSONCommandDecoderTests {
    @Test("the documented subscribe command")
    func goldenSubscribe() throws {
        #expect(
            try Wire.commands(#"{"id":2,"subscribe":{"channel":"ch"}}"#)
                == [Command(id: 2, request: .subscribe(SubscribeRequest(channel: "ch")))])
    }

    @Test("the payload may stand before the id, and clients pipeline in one frame")
    func pipelined() throws {
        let frame = """
            {"connect":{"name":"js"},"id":1}
            {"subscribe":{"channel":"ch","recoverable":true,"flag":1},"id":2}
            """
        var connect = ConnectRequest()
        connect.name = "js"
        var subscribe = SubscribeRequest(channel: "ch")
        subscribe.recoverable = true
        let expected = [Command(id: 1, request: .connect(connect)), Command(id: 2, request: .subscribe(subscribe))]
        #expect(try Wire.commands(frame) == expected)
        #expect(try Wire.commands(frame + "\n") == expected)
    }

    @Test("the empty command is a pong")
    func pong() throws {
        #expect(try Wire.commands("{}") == [Command(id: 0, request: nil)])
        #expect(try Wire.commands("{}\n{}") == [Command(id: 0, request: nil), Command(id: 0, request: nil)])
    }

    @Test("every field of every request is read")
    func everyField() throws {
        let frame = #"""
            {"id":1,"connect":{"token":"t","data":{"a": [1,2]},"subs":{"c":{"recover":true,"epoch":"e","offset":7}},"name":"n","version":"v","headers":{"h":"x"},"flag":1,"dict":"d","profile":"p"}}
            {"id":2,"subscribe":{"channel":"c","token":"t","recover":true,"epoch":"e","offset":18446744073709551615,"data":"d","positioned":true,"recoverable":true,"join_leave":true,"delta":"fossil","tf":{"op":"and","nodes":[]},"flag":3,"type":1,"phase":2,"cursor":"x","limit":3,"asc":true}}
            {"id":3,"unsubscribe":{"channel":"c"}}
            {"id":4,"publish":{"channel":"c","data":[1],"type":1,"key":"k","removed":true}}
            {"id":5,"presence":{"channel":"c"}}
            {"id":6,"presence_stats":{"channel":"c"}}
            {"id":7,"history":{"channel":"c","limit":-1,"since":{"offset":9,"epoch":"e"},"reverse":true}}
            {"id":8,"ping":{}}
            {"send":{"data":1}}
            {"id":9,"rpc":{"data":null,"method":"m"}}
            {"id":10,"refresh":{"token":"t"}}
            {"id":4294967295,"sub_refresh":{"channel":"c","token":"t","type":2,"track":[],"untrack":[]}}
            """#
        #expect(try Wire.commands(frame) == JSONSamples.commands)
    }

    @Test("of a field that comes twice the last counts")
    func duplicates() throws {
        #expect(
            try Wire.commands(
                #"{"id":1,"id":2,"unsubscribe":{"channel":"a","channel":"b"},"unsubscribe":{"channel":"c"}}"#)
                == [Command(id: 2, request: .unsubscribe(channel: "c"))])
    }

    @Test("unknown fields are ignored, but not when they are broken")
    func unknownFields() throws {
        #expect(
            try Wire.commands(#"{"x":[{"y":null}],"id":1,"ping":{"z":1},"Ping":null}"#) == [
                Command(id: 1, request: .ping)
            ])
        #expect(try Wire.commands(#"{"id":1,"nonsense":{}}"#) == [Command(id: 1, request: nil)])
        #expect(throws: MalformedFrame.self) { try Wire.commands(#"{"x":[1,],"id":1,"ping":{}}"#) }
    }

    @Test("null in place of a scalar, list or map is its default")
    func nullScalars() throws {
        let frame = #"{"id":null,"connect":{"token":null,"subs":null,"headers":null,"flag":null}}"#
        #expect(try Wire.commands(frame) == [Command(id: 0, request: .connect(ConnectRequest()))])
    }

    @Test(
        "null as a payload is malformed, whichever it is",
        arguments: [
            "connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "ping", "send",
            "rpc",
            "refresh", "sub_refresh",
        ])
    func nullPayload(name: String) throws {
        for value in ["null", "[]", "\"\"", "{\"channel\":1,\"token\":1,\"data\":1}"] {
            // `data` alone may be anything, and some have nothing else.
            if value.hasPrefix("{"), ["ping", "send", "rpc"].contains(name) { continue }
            let command = try #require(try Wire.commands("{\"id\":1,\"\(name)\":\(value)}").first)
            #expect(command.isMalformed(isConnect: name == "connect"), "\(value)")
            #expect(throws: MalformedFrame.self) { try Wire.commands("{\"\(name)\":\(value)}") }
        }
        #expect(throws: MalformedFrame.self) { try Wire.commands("{\"id\":1,\"\(name)\":{\"channel\":1,\"data\":}}") }
    }

    @Test(
        "one command's fault is its own: those around it are read",
        arguments: [
            #""ping":{},"send":{}"#, #""connect":{"subs":{"a":null}}"#, #""connect":{"headers":{"a":null}}"#,
            #""connect":{"subs":[]}"#, #""subscribe":{"channel":7}"#, #""subscribe":{"recover":1}"#,
            #""subscribe":{"offset":"7"}"#, #""subscribe":{"offset":1.5}"#, #""history":{"limit":2147483648}"#,
            #""subscribe":{"channel":"\ud83e"}"#, #""publish":{"channel":"a\udc00"}"#, #""rpc":{"method":"\ud83e"}"#,
            #""subscribe":{"channel":"c","token":"\ud83e"}"#, #""connect":{"name":"\ud83e"}"#,
            #""connect":{"headers":{"\ud83e":"x"}}"#, #""connect":{"subs":{"\ud83e":{}}}"#,
        ])
    func ownFault(fields: String) throws {
        let commands = try Wire.commands("{\"id\":1,\"ping\":{}}\n{\(fields),\"id\":2}\n{\"id\":3,\"ping\":{}}")
        #expect(commands.count == 3)
        #expect(commands[0] == Command(id: 1, request: .ping))
        #expect(commands[1].id == 2)
        #expect(commands[1].isMalformed(isConnect: fields.hasPrefix("\"connect")))
        #expect(commands[2] == Command(id: 3, request: .ping))
    }

    @Test("half a surrogate pair in a payload goes on as it is")
    func halfPair() throws {
        let data = #"{"text":"cut \ud83e","\udc00":1}"#
        var publish = PublishRequest()
        publish.channel = "c"
        publish.data = utf8(data)
        #expect(
            try Wire.commands(#"{"id":1,"publish":{"channel":"c","data":\#(data)}}"#)
                == [Command(id: 1, request: .publish(publish))])
        #expect(
            try Wire.commands(#"{"send":{"data":"\ud83e"},"\ud83e":"\ud83e"}"#)
                == [Command(id: 0, request: .send(data: utf8(#""\ud83e""#)))])
    }

    @Test(
        "malformed frames",
        arguments: [
            "", "\n", " ", "null", "[]", "[{}]", "1", "\"a\"", "{}\n\n", "\n{}", "{}\n\n{}", "{}{}", "{} {}", "{},{}",
            "{}\nnull",
            #"{"id":-1,"ping":{}}"#, #"{"id":1.0,"ping":{}}"#, #"{"subscribe":{"channel":7}}"#, #"{"id":0,"ping":1}"#,
            #"{"id":1e0,"ping":{}}"#,
            #"{"id":"1","ping":{}}"#, #"{"id":4294967296,"ping":{}}"#, #"{"id":1,"ping":{}"#,
            #"{"id":1,"publish":{"data":tru}}"#, #"{"id":1,"publish":null,}"#, #"{"id":1,"publish":[}"#, "{\n\"id\":1}",
            #"{"id":1,"publish":null}x"#,
        ])
    func malformed(frame: String) {
        #expect(throws: MalformedFrame.self) { try Wire.commands(frame) }
    }

    @Test("broken UTF-8 in a channel name is malformed")
    func brokenChannel() {
        let frame = utf8(#"{"id":1,"subscribe":{"channel":""#) + [0xC3, 0x28] + utf8(#""}}"#)
        #expect(throws: MalformedFrame.self) { try Wire.commands(frame) }
    }

    @Test("a payload nested too deeply is the command's own fault, however deep it is")
    func deepPayload() throws {
        func frame(_ depth: Int) -> String {
            let data = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            return #"{"id":1,"publish":{"channel":"c","data":\#(data)}}"#
        }
        #expect(try Wire.commands(frame(64)).count == 1)
        for depth in [65, 30_000] {
            let commands = try Wire.commands(frame(depth) + "\n" + frame(1))
            #expect(commands.count == 2)
            #expect(commands[0].id == 1 && commands[0].isMalformed(isConnect: false))
            #expect(throws: MalformedFrame.self) { try Wire.commands(String(frame(depth).dropLast(3))) }
        }
    }

    @Test("commands before a malformed one have been appended")
    func partialFrame() {
        var commands: [Command] = []
        #expect(throws: MalformedFrame.self) {
            try utf8("{\"id\":1,\"ping\":{}}\n{").withUnsafeBytes { try JSONCommandDecoder.decode($0, into: &commands) }
        }
        #expect(commands == [Command(id: 1, request: .ping)])
    }

    @Test("no prefix of a frame crashes the decoder or makes more commands than were sent")
    func truncated() {
        let frame = utf8(JSONSamples.commands.map { Wire.text($0) }.joined(separator: "\n"))
        for count in 0..<frame.count {
            let commands = try? Wire.commands(Array(frame[..<count]))
            #expect((commands?.count ?? 0) <= JSONSamples.commands.count)
        }
    }
}

extension Command {
    func isMalformed(isConnect: Bool) -> Bool {
        guard case .malformed(let request)? = request else { return false }
        return request.isConnect == isConnect && !request.reason.isEmpty
    }
}
