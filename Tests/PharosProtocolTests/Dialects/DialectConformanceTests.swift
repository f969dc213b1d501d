import PharosBytes
import PharosDomain
import PharosProtocol
import PharosTestKit
import Testing

@Suite("Every dialect's promises")
struct DialectConformanceTests {
    @Test("the Centrifuge protocol in JSON", arguments: DialectConformance.allCases)
    func json(promise: DialectConformance) throws { try promise.check(CentrifugeUnderTest(.json)) }

    @Test("the Centrifuge protocol in protobuf", arguments: DialectConformance.allCases)
    func protobuf(promise: DialectConformance) throws { try promise.check(CentrifugeUnderTest(.protobuf)) }

    @Test("plain event streams", arguments: DialectConformance.allCases, EventStreamForm.allCases)
    func events(promise: DialectConformance, form: EventStreamForm) throws {
        try promise.check(EventsUnderTest(form: form, isSolo: true))
        try promise.check(EventsUnderTest(form: form, isSolo: false))
    }

    @Test("a dialect in which the server speaks first", arguments: DialectConformance.allCases)
    func hello(promise: DialectConformance) throws { try promise.check(HelloUnderTest()) }
}

/// Plain event streams, read as a browser reads them.
struct EventsUnderTest: DialectUnderTest {
    let form: EventStreamForm
    let isSolo: Bool

    var dialect: any ClientDialect { EventsDialect() }

    var framings: [TransportFraming] { [.stream] }

    /// All that its client says is the request.
    var commands: [Command] { [] }

    var malformed: [[UInt8]] { [utf8("{}"), utf8("x")] }

    var answers: [ServerMessage] {
        isSolo ? [] : [.push(Push(channel: "news", event: .publication(Publication(data: [0x31]), epoch: "")))]
    }

    var forms: [UInt8] { isSolo ? [form.rawValue] : [] }

    func write(_ command: Command, into writer: inout ByteWriter) {
        preconditionFailure("an EventSource says nothing")
    }

    func read(_ message: [UInt8]) throws -> [ServerMessage] {
        EventReader.read(String(decoding: message, as: UTF8.self)).compactMap { event in
            var (channel, data) = (event.name, event.data)
            if form == .array {
                guard let pair = try? Wire.texts(data), pair.count == 2 else { return nil }
                (channel, data) = (pair[0], pair[1])
            }
            guard !channel.isEmpty else { return nil }
            return .push(
                Push(channel: ChannelName(channel), event: .publication(Publication(data: utf8(data)), epoch: "")))
        }
    }

    func speaker(over framing: TransportFraming) throws -> DialectSpeaker {
        let speaker = try EventsScene(
            (isSolo ? "channel=news" : "channel=news&channel=chat") + (form == .array ? "&format=array" : "")
        ).speaker
        _ = speaker.open(as: "c1")
        for command in speaker.say(Reply(id: 1, result: .connect(ConnectResult()))).commands {
            _ = speaker.say(Reply(id: command.id, result: .subscribe(SubscribeResult())))
        }
        return speaker
    }
}

extension Wire {
    /// The texts of a list in JSON.
    static func texts(_ list: String) throws -> [String] {
        try Array(list.utf8).withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            var texts: [String] = []
            try scanner.beginArray()
            while try scanner.nextElement() { texts.append(try scanner.text().string) }
            try scanner.finish()
            return texts
        }
    }
}
