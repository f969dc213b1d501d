import PharosBytes
import PharosDomain
import PharosProtocol

/// A poll of a session that this node does not have: one of the others may.
struct ForeignPoll: Equatable, Sendable {
    var key: SessionKey
    /// nil: the first poll.
    var cursor: UInt64?
    /// The user of the poll, where something other than the key names it.
    var user: UserID?
    var waitMs: Int64
    /// Commands as lines; maybe none.
    var body: [UInt8] = []

    /// The longest wait at another node, in ms.
    ///
    /// Its answer has to be back within the time that a node gives to a question.
    static let maximumWaitMs: Int64 = 50_000
}

extension ForeignPoll {
    func encode(into writer: inout ByteWriter) {
        writer.appendField(1, key)
        // One more, so that 0 can be told from none.
        if let cursor { writer.appendField(2, cursor &+ 1) }
        if let user { writer.appendMessage(3) { $0.appendField(1, user) } }
        writer.appendField(4, UInt64(max(waitMs, 0)))
        writer.appendField(5, body)
    }

    init(_ message: ProtobufReader) throws(MalformedFrame) {
        var reader = message
        self.init(key: "", waitMs: 0)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: key = try reader.string(field)
            case 2:
                let number = try reader.uint64(field)
                cursor = number == 0 ? nil : number - 1
            case 3:
                var part = try reader.message(field)
                user = ""
                while let inner = try part.nextField() {
                    if inner.number == 1 { user = try part.string(inner) } else { try part.skip(inner) }
                }
            case 4: waitMs = min(Int64(clamping: try reader.uint64(field)), ForeignPoll.maximumWaitMs)
            case 5: body = try reader.bytes(field)
            default: try reader.skip(field)
            }
        }
    }
}

extension SessionPollAnswer {
    func encode(into writer: inout ByteWriter) {
        writer.appendField(1, UInt64(status))
        writer.appendField(2, body)
    }

    init(_ message: ProtobufReader) throws(MalformedFrame) {
        var reader = message
        self.init(status: 404, body: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: status = Int(clamping: try reader.uint64(field))
            case 2: body = try reader.bytes(field)
            default: try reader.skip(field)
            }
        }
        // A number that is no status would be no answer to an HTTP request.
        guard (200...599).contains(status) else { throw MalformedFrame(reason: "\(status) is no status") }
    }
}
