import PharosBytes
import PharosDomain
import PharosProtocol

/// Answers on their way to the node that asked.
extension ControlAnswer {
    func encode(into writer: inout ByteWriter) {
        switch self {
        case .done: writer.appendMessage(1) { _ in }
        case .failed(let error):
            writer.appendMessage(2) { message in
                message.appendField(1, error.code)
                message.appendField(2, error.message)
                message.appendField(3, error.isTemporary)
            }
        case .channels(let counts):
            writer.appendMessage(3) { message in
                for (channel, count) in counts {
                    message.appendMessage(1) { entry in
                        entry.appendField(1, channel)
                        entry.appendField(2, UInt64(count))
                    }
                }
            }
        case .summary(let nodes):
            writer.appendMessage(4) { message in
                for node in nodes { message.appendMessage(1) { node.encode(into: &$0) } }
            }
        case .sent(let count):
            writer.appendMessage(5) { message in
                message.appendField(1, UInt64(count.delivered))
                message.appendField(2, UInt64(count.undeliverable))
                message.appendField(3, UInt64(count.excluded))
            }
        case .connections(let connections):
            writer.appendMessage(6) { message in
                for connection in connections { message.appendMessage(1) { connection.encode(into: &$0) } }
            }
        case .members(let members):
            writer.appendMessage(7) { message in
                for member in members.values { message.appendClientInfo(1, member) }
            }
        case .session(let session): writer.appendMessage(10) { session.encode(into: &$0) }
        case .polled(let answer): writer.appendMessage(11) { answer.encode(into: &$0) }
        case .raw(let answer): writer.appendMessage(9) { answer.encode(into: &$0) }
        case .memberCounts(let clients, let users):
            writer.appendMessage(8) { message in
                message.appendField(1, UInt64(clients))
                // An empty user id counts as one, so it is written, too.
                for user in users { message.appendMessage(2) { $0.appendField(1, user) } }
            }
        }
    }

    /// nil: an answer of a later version.
    static func decode(_ message: ProtobufReader) throws(MalformedFrame) -> ControlAnswer? {
        var reader = message
        var answer: ControlAnswer?
        while let field = try reader.nextField() {
            switch field.number {
            case 1:
                try reader.skip(field)
                answer = .done
            case 2: answer = .failed(try error(reader.message(field)))
            case 3: answer = .channels(try channels(reader.message(field)))
            case 4:
                answer = .summary(
                    try list(reader.message(field)) { (reader, field) throws(MalformedFrame) in
                        try ShardSummary(reader.message(field))
                    })
            case 5: answer = .sent(try count(reader.message(field)))
            case 6:
                answer = .connections(
                    try list(reader.message(field)) { (reader, field) throws(MalformedFrame) in
                        try APIConnection(reader.message(field))
                    })
            case 7:
                let members = try list(reader.message(field)) { (reader, field) throws(MalformedFrame) in
                    try reader.clientInfo(field)
                }
                answer = .members(Dictionary(members.map { ($0.client, $0) }) { $1 })
            case 8: answer = try memberCounts(reader.message(field))
            case 10: answer = .session(try SurrenderedSession(reader.message(field)))
            case 11: answer = .polled(try SessionPollAnswer(reader.message(field)))
            case 9: answer = .raw(try RawForeignAnswer(reader.message(field)))
            default: try reader.skip(field)
            }
        }
        return answer
    }

    /// The elements of field 1.
    private static func list<Element>(
        _ message: ProtobufReader,
        _ element: (inout ProtobufReader, ProtobufReader.Field) throws(MalformedFrame) -> Element
    ) throws(MalformedFrame) -> [Element] {
        var reader = message
        var elements: [Element] = []
        while let field = try reader.nextField() {
            if field.number == 1 { elements.append(try element(&reader, field)) } else { try reader.skip(field) }
        }
        return elements
    }

    static func error(_ message: ProtobufReader) throws(MalformedFrame) -> ReplyError {
        var reader = message
        var error = ReplyError(code: 0, message: "")
        while let field = try reader.nextField() {
            switch field.number {
            case 1: error.code = try reader.uint32(field)
            case 2: error.message = try reader.string(field)
            case 3: error.isTemporary = try reader.bool(field)
            default: try reader.skip(field)
            }
        }
        return error
    }

    private static func channels(_ message: ProtobufReader) throws(MalformedFrame) -> [ChannelName: Int] {
        let entries = try list(message) { (reader, field) throws(MalformedFrame) in
            var entry = try reader.message(field)
            var (channel, count) = (ChannelName(""), 0)
            while let part = try entry.nextField() {
                switch part.number {
                case 1: channel = ChannelName(try entry.string(part))
                case 2: count = Int(clamping: try entry.uint64(part))
                default: try entry.skip(part)
                }
            }
            return (channel, count)
        }
        return Dictionary(entries) { $0 + $1 }
    }

    private static func count(_ message: ProtobufReader) throws(MalformedFrame) -> SendCount {
        var reader = message
        var count = SendCount()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: count.delivered = Int(clamping: try reader.uint64(field))
            case 2: count.undeliverable = Int(clamping: try reader.uint64(field))
            case 3: count.excluded = Int(clamping: try reader.uint64(field))
            default: try reader.skip(field)
            }
        }
        return count
    }

    private static func memberCounts(_ message: ProtobufReader) throws(MalformedFrame) -> ControlAnswer {
        var reader = message
        var clients = 0
        var users: Set<UserID> = []
        while let field = try reader.nextField() {
            switch field.number {
            case 1: clients = Int(clamping: try reader.uint64(field))
            case 2:
                var entry = try reader.message(field)
                var user: UserID = ""
                while let part = try entry.nextField() {
                    if part.number == 1 { user = UserID(try entry.string(part)) } else { try entry.skip(part) }
                }
                users.insert(user)
            default: try reader.skip(field)
            }
        }
        return .memberCounts(clients: clients, users: users)
    }
}

extension ShardSummary {
    fileprivate func encode(into writer: inout ByteWriter) {
        writer.appendField(1, uid)
        writer.appendField(2, name)
        writer.appendField(3, version)
        writer.appendField(4, UInt64(max(uptime, 0)))
        writer.appendField(5, UInt64(clients))
        writer.appendField(6, UInt64(subscriptions))
        // Which users and channels they are is of interest only until the shards of one node are put together.
        writer.appendField(7, UInt64(userCount))
        writer.appendField(8, UInt64(channelCount))
    }

    fileprivate init(_ message: ProtobufReader) throws(MalformedFrame) {
        var reader = message
        self.init()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: uid = try reader.string(field)
            case 2: name = try reader.string(field)
            case 3: version = try reader.string(field)
            case 4: uptime = Int64(clamping: try reader.uint64(field))
            case 5: clients = Int(clamping: try reader.uint64(field))
            case 6: subscriptions = Int(clamping: try reader.uint64(field))
            case 7: foreignUsers = Int(clamping: try reader.uint64(field))
            case 8: foreignChannels = Int(clamping: try reader.uint64(field))
            default: try reader.skip(field)
            }
        }
    }
}

extension APIConnection {
    fileprivate func encode(into writer: inout ByteWriter) {
        writer.appendClient(1, client)
        writer.appendField(2, user)
        writer.appendField(3, transport)
        writer.appendField(4, connectedAt)
        writer.appendField(5, name)
        writer.appendField(6, UInt64(channels))
    }

    fileprivate init(_ message: ProtobufReader) throws(MalformedFrame) {
        var reader = message
        self.init(client: ClientID(high: 0, low: 0))
        while let field = try reader.nextField() {
            switch field.number {
            case 1: client = try reader.client(field)
            case 2: user = UserID(try reader.string(field))
            case 3: transport = try reader.string(field)
            case 4: connectedAt = try reader.int64(field)
            case 5: name = SDKName(try reader.string(field))
            case 6: channels = Int(clamping: try reader.uint64(field))
            default: try reader.skip(field)
            }
        }
    }
}
