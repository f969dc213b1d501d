import PharosBytes
import PharosDomain
import PharosProtocol
import Testing

@Suite("Transport framing")
struct TransportFramingTests {
    private func framed(
        _ message: [UInt8], _ kind: MessageKind, _ number: UInt8, _ framing: TransportFraming
    ) -> [UInt8] {
        var writer = ByteWriter()
        var packed = ByteWriter()
        writer.append(message)
        switch DialectTable.standard.frame(&writer, kind, number, framing, into: &packed) {
        case .message:
            #expect(packed.count == 0)
            return writer.array
        case .packed:
            #expect(writer.array == message)
            return packed.array
        }
    }

    @Test("JSON: alone in frames, a line in streams and polls, an event without a name")
    func json() {
        func text(_ framing: TransportFraming) -> String {
            String(decoding: framed(utf8("{}"), .text, DialectTable.json, framing), as: UTF8.self)
        }
        #expect(text(.frame) == "{}")
        #expect(text(.stream) == "{}\n")
        #expect(text(.line) == "{}\n")
        #expect(text(.event) == "data: {}\n\n")
    }

    @Test("protobuf brings its length everywhere")
    func protobuf() {
        for framing in [TransportFraming.frame, .stream] {
            #expect(framed([2, 8, 1], .binary, DialectTable.protobuf, framing) == [2, 8, 1])
        }
    }

    @Test("event streams are events already")
    func events() {
        #expect(framed(utf8("data: x\n\n"), .text, DialectTable.events, .stream) == utf8("data: x\n\n"))
    }

    @Test("raw messages in events: each line by itself, and base64 where they are no text")
    func raw() {
        func text(_ message: [UInt8], _ kind: MessageKind) -> String {
            String(decoding: framed(message, kind, DialectTable.raw, .event), as: UTF8.self)
        }
        #expect(text(utf8("a\nb"), .text) == "data: a\ndata: b\n\n")
        #expect(text(utf8(""), .text) == "data: \n\n")
        #expect(text([0xFF, 0x00], .binary) == "data: /wA=\n\n")
        #expect(framed(utf8("a\nb"), .text, DialectTable.raw, .frame) == utf8("a\nb"))
    }
}
