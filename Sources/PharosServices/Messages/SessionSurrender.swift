import PharosBytes
import PharosDomain
import PharosProtocol

/// A question of another node for the state under a key.
///
/// A client with the key has come to that node.
struct SessionSurrender: Sendable {
    var key: SessionKey
    /// The user that the client has proven to be; nil: it has the key alone.
    var user: UserID?
}

/// The answer to a `SessionSurrender`; the state is the asker's from now on.
enum SurrenderedSession: Sendable {
    case nothing
    case state(RestoredState)
    case refused(ReplyError)

    /// Of the answers of several nodes, the one that says something.
    mutating func add(_ other: SurrenderedSession) {
        if case .nothing = self { self = other }
    }
}

extension SessionSurrender {
    func encode(into writer: inout ByteWriter) {
        writer.appendField(1, key)
        if let user { writer.appendMessage(2) { $0.appendField(1, user) } }
    }

    init(_ message: ProtobufReader) throws(MalformedFrame) {
        var reader = message
        self.init(key: "", user: nil)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: key = try reader.string(field)
            case 2:
                var part = try reader.message(field)
                user = ""
                while let inner = try part.nextField() {
                    if inner.number == 1 { user = try part.string(inner) } else { try part.skip(inner) }
                }
            default: try reader.skip(field)
            }
        }
    }
}

extension SurrenderedSession {
    func encode(into writer: inout ByteWriter) {
        switch self {
        case .nothing: break
        case .state(let state): writer.appendMessage(1) { state.encode(into: &$0) }
        case .refused(let error):
            writer.appendMessage(2) { message in
                message.appendField(1, error.code)
                message.appendField(2, error.message)
                message.appendField(3, error.isTemporary)
            }
        }
    }

    init(_ message: ProtobufReader) throws(MalformedFrame) {
        var reader = message
        self = .nothing
        while let field = try reader.nextField() {
            switch field.number {
            case 1: self = .state(try RestoredState(reader.message(field)))
            case 2: self = .refused(try ControlAnswer.error(reader.message(field)))
            default: try reader.skip(field)
            }
        }
    }
}

extension RestoredState {
    fileprivate func encode(into writer: inout ByteWriter) {
        writer.appendClient(1, client)
        writer.appendField(2, user)
        writer.appendField(3, info)
        writer.appendField(4, meta)
        writer.appendField(5, expireAt)
        for channel in channels {
            writer.appendMessage(6) { message in
                message.appendField(1, channel.channel)
                message.appendField(2, UInt64(channel.flags.rawValue))
                message.appendField(3, channel.info)
                message.appendField(4, channel.expireAt)
                if let position = channel.position {
                    message.appendMessage(5) { part in
                        part.appendField(1, position.offset)
                        part.appendField(2, position.epoch)
                    }
                }
            }
        }
    }

    fileprivate init(_ message: ProtobufReader) throws(MalformedFrame) {
        var reader = message
        self.init(client: ClientID(high: 0, low: 0), user: "", expireAt: 0)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: client = try reader.client(field)
            case 2: user = try reader.string(field)
            case 3: info = try reader.bytes(field)
            case 4: meta = try reader.bytes(field)
            case 5: expireAt = try reader.int64(field)
            case 6: channels.append(try RestoredState.channel(reader.message(field)))
            default: try reader.skip(field)
            }
        }
    }

    private static func channel(_ message: ProtobufReader) throws(MalformedFrame) -> Channel {
        var reader = message
        var channel = Channel(channel: "", flags: [], info: [], expireAt: 0, position: nil)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: channel.channel = try reader.string(field)
            case 2: channel.flags = Subscription.Flags(rawValue: UInt16(truncatingIfNeeded: try reader.uint64(field)))
            case 3: channel.info = try reader.bytes(field)
            case 4: channel.expireAt = try reader.int64(field)
            case 5: channel.position = try reader.position(field)
            default: try reader.skip(field)
            }
        }
        return channel
    }
}
