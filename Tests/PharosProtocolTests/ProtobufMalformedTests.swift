import PharosDomain
import PharosProtocol
import Testing

@Suite("Protobuf: what is refused and what is ignored")
struct ProtobufMalformedTests {
    private typealias Samples = ProtobufSamples

    /// `content` as the one command of a frame.
    private func command(_ content: String) throws -> Command {
        try Samples.commands(Samples.framed(Samples.hex(content)))[0]
    }

    private func isMalformed(_ content: String) -> Bool {
        do {
            _ = try command(content)
            return false
        } catch {
            return error is MalformedFrame
        }
    }

    @Test("a frame without a command is malformed")
    func emptyFrame() {
        #expect(throws: MalformedFrame.self) { try Samples.commands([]) }
        #expect(throws: MalformedFrame.self) { try Samples.messages([]) }
    }

    @Test("bytes after the last command are malformed, unless they are a command themselves")
    func trailingBytes() throws {
        let subscribe = Samples.hex("08 08 02 2a 04 0a 02 63 68")
        #expect(throws: MalformedFrame.self) { try Samples.commands(subscribe + [0x05]) }
        #expect(throws: MalformedFrame.self) { try Samples.commands(subscribe + [0x0a]) }
        #expect(try Samples.commands(subscribe + [0]).count == 2)
    }

    @Test("a malformed command takes back those decoded before it")
    func takesBack() {
        var commands = [Command(id: 1, request: .ping)]
        let frame: [UInt8] = [0, 2, 8, 5, 9]
        #expect(throws: MalformedFrame.self) {
            try frame.withUnsafeBytes { try ProtobufCommandDecoder.decode($0, into: &commands) }
        }
        #expect(commands == [Command(id: 1, request: .ping)])
    }

    @Test("more commands than the limit in one frame are malformed")
    func tooManyCommands() throws {
        let limit = ProtobufCommandDecoder.maximumCommandsPerFrame
        #expect(try Samples.commands([UInt8](repeating: 0, count: limit)).count == limit)
        #expect(throws: MalformedFrame.self) { try Samples.commands([UInt8](repeating: 0, count: limit + 1)) }
    }

    @Test("two payloads in one command or reply are malformed, the same one twice too", arguments: 4...15)
    func twoPayloads(number: Int) throws {
        let tag = UInt8(number) << 3 | 2
        for other in UInt8(4)...15 {
            let content = [0x08, 0x01, tag, 0, other << 3 | 2, 0]
            let command = try Samples.commands(Samples.framed(content))[0]
            #expect(command.id == 1 && command.isMalformed(isConnect: number == 4 || other == 4))
            #expect(throws: MalformedFrame.self) { try Samples.commands(Samples.framed(Array(content[2...]))) }
            #expect(throws: MalformedFrame.self) { try Samples.messages(Samples.framed(content)) }
        }
    }

    @Test("a payload that is there but empty is an empty request", arguments: 4...15)
    func emptyPayload(number: Int) throws {
        let frame: [UInt8] = [4, 8, 1, UInt8(number) << 3 | 2, 0]
        let command = try Samples.commands(frame)[0]
        #expect(command.request != nil)
        #expect(Samples.encode(command) == frame)
    }

    @Test("a payload that is not a message is malformed", arguments: 4...15)
    func payloadOfAnotherType(number: Int) throws {
        for wireType in [UInt8(0), 1, 5] {
            let length = [0: 1, 1: 8, 5: 4][wireType]!
            let content = [UInt8(number) << 3 | wireType] + [UInt8](repeating: 0, count: length)
            #expect(throws: MalformedFrame.self) { try Samples.commands(Samples.framed(content)) }
            let command = try Samples.commands(Samples.framed([8, 1] + content))[0]
            #expect(command.id == 1 && command.isMalformed(isConnect: number == 4))
        }
    }

    @Test("fields that we do not know are skipped, of every layout and with any number")
    func unknownFields() throws {
        let expected = Command(id: 1, request: .ping)
        #expect(try command("0801 5a00") == expected)
        #expect(try command("8006 7f 0801 5a00") == expected)
        #expect(try command("0801 8106 0102030405060708 5a00") == expected)
        #expect(try command("0801 5a00 8206 03 ffffff") == expected)
        #expect(try command("0801 5a00 8506 01020304") == expected)
        #expect(try command("0801 f8ffffff0f 01 5a00") == expected)
        #expect(try command("1000 1a00 0801 5a03 8006 01") == expected)
    }

    @Test("fields that we know of but do not keep are skipped: dict, profile, map and filter fields")
    func fieldsNotKept() throws {
        #expect(try command("0801 2206 420164 4a0170") == Command(id: 1, request: .connect(ConnectRequest())))
        var subscribe = SubscribeRequest(channel: "c")
        subscribe.unsupported = .tagsFilter
        let filter = "6a0c 0a03616e64 3205 1201 6b 2a00"
        #expect(
            try command("0801 2a1a 0a0163 \(filter) 8001 02 8a01 00 9001 05")
                == Command(id: 1, request: .subscribe(subscribe)))
        var publish = PublishRequest()
        publish.channel = "c"
        #expect(try command("0801 3a08 0a0163 22016b 2801") == Command(id: 1, request: .publish(publish)))
    }

    @Test("an unknown field cut short is malformed")
    func truncatedUnknownFields() {
        #expect(isMalformed("8006"))
        #expect(isMalformed("8006 80"))
        #expect(isMalformed("8106 01020304050607"))
        #expect(isMalformed("8206 03 ffff"))
        #expect(isMalformed("8506 010203"))
    }

    @Test("groups, the two layouts that do not exist and field number 0 are malformed")
    func badTags() {
        #expect(isMalformed("8306 8406"))
        #expect(isMalformed("8406"))
        #expect(isMalformed("8606"))
        #expect(isMalformed("8706"))
        #expect(isMalformed("00 01"))
        #expect(isMalformed("8080808010 01"))
    }

    @Test("varints end after ten bytes and 64 bits; padded ones are read")
    func varints() throws {
        #expect(try command("08 8100").id == 1)
        #expect(try command("08 81808080808080808000").id == 1)
        #expect(isMalformed("08 8180808080808080808000"))
        #expect(isMalformed("08 ffffffffffffffffff02"))
        #expect(isMalformed("08 ffffffffffffffffffff01"))
        #expect(isMalformed("08 80"))
    }

    @Test("an id beyond 32 bits is malformed: cut off it would be another command's")
    func wideID() throws {
        #expect(try command("08 ffffffff0f").id == .max)
        #expect(isMalformed("08 8080808010"))
        #expect(isMalformed("08 ffffffffffffffffff01"))
    }

    @Test("a limit beyond 32 bits is malformed, the smallest is not")
    func wideLimit() throws {
        var history = HistoryRequest()
        history.limit = .min
        #expect(try command("520b 38 80808080f8ffffffff01") == Command(id: 0, request: .history(history)))
        #expect(isMalformed("520b 38 80808080f0ffffffff01"))
        #expect(isMalformed("5206 38 8080808008"))
    }

    @Test(
        "text that is not UTF-8 is malformed: stray and missing continuations, overlong forms, surrogates, too high",
        arguments: ["80", "c3", "c080", "eda080", "f4908080", "ff"])
    func badUTF8(bytes: String) throws {
        let text = Samples.framed(Samples.hex(bytes))
        let payload = [0x0a] + text
        for number in [UInt8(5), 6, 7, 8, 9, 10, 14, 15] {
            let content = [number << 3 | 2] + Samples.framed(payload)
            #expect(throws: MalformedFrame.self) { try Samples.commands(Samples.framed(content)) }
            // With an id it is the command's own fault, and those around it are read.
            let ping: [UInt8] = [4, 8, 7, 0x5a, 0]
            let commands = try Samples.commands(ping + Samples.framed(content + [8, 2]) + ping)
            #expect(commands.count == 3 && commands[0] == commands[2])
            #expect(commands[1].id == 2 && commands[1].isMalformed(isConnect: false))
        }
    }

    @Test("of a field that comes twice the last one counts, also in maps")
    func lastWins() throws {
        #expect(try command("0801 0802 3206 0a0161 0a0162") == Command(id: 2, request: .unsubscribe(channel: "b")))
        var connect = ConnectRequest()
        connect.headers = ["k": "2"]
        #expect(
            try command("2210 3206 0a016b 120131 3206 0a016b 120132") == Command(id: 0, request: .connect(connect)))
    }

    @Test("an entry of a map may lack its key or its value")
    func incompleteEntries() throws {
        var connect = ConnectRequest()
        connect.headers = ["": ""]
        connect.subscriptions = ["c": SubscribeRequest()]
        #expect(try command("2207 3200 1a03 0a0163") == Command(id: 0, request: .connect(connect)))
    }

    @Test("lengths far beyond the frame are refused before anything is allocated")
    func hugeLengths() {
        for length in ["ffffffff07", "8080808080 20", "ffffffffffffffff7f", "ffffffffffffffffff01"] {
            #expect(throws: MalformedFrame.self) { try Samples.commands(Samples.hex(length)) }
            #expect(isMalformed("12 \(length)"))
            #expect(isMalformed("62 \(length)"))
        }
    }

    @Test("a push of a kind that we do not know is left out, a reply without a result is malformed")
    func unknownMessages() throws {
        #expect(try Samples.messages(Samples.hex("05 22 03 12 01 63")) == [])
        #expect(try Samples.messages(Samples.hex("05 22 03 82 06 00 00")) == [.ping])
        #expect(throws: MalformedFrame.self) { try Samples.messages(Samples.hex("02 08 01")) }
        #expect(throws: MalformedFrame.self) { try Samples.messages(Samples.hex("06 22 04 22 00 2a 00")) }
    }
}
