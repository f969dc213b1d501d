import PharosBytes
import PharosDomain
import PharosProtocol

/// One message of a client of `HelloDialect`.
struct HelloMessage {
    enum Kind: Equatable {
        case token(String)
        case subscribe(name: String, channel: ChannelName)
        case stop(name: String)
        case acknowledge(Int)
        case pong
    }

    let kind: Kind
    /// The id of the command that it becomes.
    let sid: UInt32

    init(_ bytes: UnsafeRawBufferPointer) throws(MalformedFrame) {
        var texts: [String: String] = [:]
        var (sid, count): (UInt32?, Int?) = (nil, nil)
        var isPong = false
        var scanner = JSONScanner(bytes)
        try scanner.beginObject()
        while let field = try scanner.nextMember() {
            switch try field.string {
            case "sid": sid = try scanner.integer()
            case "ack": count = try scanner.integer()
            case "pong": isPong = try scanner.bool()
            case let name: texts[name] = try scanner.text().string
            }
        }
        try scanner.finish()
        self.sid = sid ?? 0
        let isCommand = 1..<UInt32.max ~= self.sid
        if let token = texts["token"], texts.count == 1 {
            kind = .token(token)
        } else if let name = texts["event"], let channel = texts["channel"], texts.count == 2, isCommand {
            kind = .subscribe(name: name, channel: ChannelName(channel))
        } else if let name = texts["stop"], texts.count == 1, isCommand {
            kind = .stop(name: name)
        } else if let count, texts.isEmpty, !isPong {
            kind = .acknowledge(count)
        } else if isPong, texts.isEmpty, count == nil {
            kind = .pong
        } else {
            throw MalformedFrame(reason: "fields that do not belong together")
        }
    }

    static func quoted(_ text: String) -> String {
        var writer = ByteWriter()
        _ = writer.appendJSONString(Array(text.utf8))
        return String(decoding: writer.array, as: UTF8.self)
    }
}
