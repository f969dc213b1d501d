import PharosBytes
import PharosDomain
import PharosProtocol

/// One message between two nodes, as bytes: proto3.
///
/// Fields that are not known are skipped, and a command that is not known is answered as such, so that two versions of the
/// server work together.
struct NodeFrame: Sendable {
    enum Content: Sendable {
        /// The sender is there.
        case heartbeat(NodeHeartbeat)
        case post(NodeMessage)
        /// `timeMs`: how long the asker waits for the answer.
        case request(id: UInt64, timeMs: UInt64, ControlCommand)
        /// nil: the node has nothing to say to this command.
        case answer(id: UInt64, ControlAnswer?)
        /// The node does not know the command, or could not carry it out in time.
        case failed(id: UInt64)
        /// A part of a message that is too long for one.
        case fragment(NodeFragment)
        /// First and last subscribers of channels.
        case occupancy(OccupancyMessage)
    }

    /// Raised when a message can no longer be understood by its reader.
    static let version: UInt64 = 1

    /// The mark of the sending node.
    var sender: UInt64
    var content: Content
}

/// The sign of life of a node.
struct NodeHeartbeat: Equatable, Sendable {
    var name: NodeName
    /// The newest number that the node gave to a connection.
    ///
    /// See `ConnectionSequences`.
    var sequence: UInt64 = 0
    /// The node ends now.
    var isLeaving = false
    /// The sender wants to hear from all others at once.
    var isNew = false
    /// The sender takes part in finding the first and the last subscribers of channels.
    var notesOccupancy = false
    /// How often the sender has taken the receiver for dead.
    var lostReceiver: UInt64 = 0
}

/// A part of a long message.
struct NodeFragment: Equatable, Sendable {
    var id: UInt64
    var index: UInt64
    var count: UInt64
    var bytes: [UInt8]
}

extension NodeFrame {
    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.appendField(1, NodeFrame.version)
        writer.appendField(2, sender)
        switch content {
        case .heartbeat(let heartbeat):
            writer.appendMessage(3) { message in
                message.appendField(1, heartbeat.name)
                message.appendField(2, heartbeat.sequence)
                message.appendField(3, heartbeat.isLeaving)
                message.appendField(4, heartbeat.isNew)
                message.appendField(5, heartbeat.notesOccupancy)
                message.appendField(6, heartbeat.lostReceiver)
            }
        case .post(.disconnectOlder(let user, let sequence)):
            writer.appendMessage(4) { message in
                message.appendField(1, user)
                message.appendField(2, sequence)
            }
        case .post(.cancelOlderPoll(let key, let sequence)):
            writer.appendMessage(9) { message in
                message.appendField(1, key.user)
                message.appendField(2, sequence)
                for channel in key.channels { message.appendField(3, channel) }
            }
        case .post(.emulated(let session, let data)):
            writer.appendMessage(11) { message in
                message.appendClient(1, session)
                message.appendField(2, data)
            }
        case .request(let id, let timeMs, let command):
            writer.appendMessage(5) { message in
                message.appendField(1, id)
                message.appendField(2, timeMs)
                message.appendMessage(3) { command.encode(into: &$0) }
            }
        case .answer(let id, let answer):
            writer.appendMessage(6) { message in
                message.appendField(1, id)
                if let answer { message.appendMessage(2) { answer.encode(into: &$0) } }
            }
        case .failed(let id): writer.appendMessage(7) { $0.appendField(1, id) }
        case .fragment(let fragment):
            writer.appendMessage(8) { message in
                message.appendField(1, fragment.id)
                message.appendField(2, fragment.index)
                message.appendField(3, fragment.count)
                message.appendField(4, fragment.bytes)
            }
        case .occupancy(let occupancy): writer.appendMessage(10) { occupancy.encode(into: &$0) }
        }
        return writer.array
    }

    /// nil: a message that this version has no use for.
    ///
    /// - Throws: `MalformedFrame` for bytes that are none.
    static func decode(_ bytes: [UInt8]) throws(MalformedFrame) -> NodeFrame? {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(MalformedFrame) in try read(ProtobufReader(bytes)) }
        }
        return try result.get()
    }

    private static func read(_ message: ProtobufReader) throws(MalformedFrame) -> NodeFrame? {
        var reader = message
        var version: UInt64 = 0
        var sender: UInt64 = 0
        var content: Content?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: version = try reader.uint64(field)
            case 2: sender = try reader.uint64(field)
            case 3: content = .heartbeat(try heartbeat(reader.message(field)))
            case 4: content = .post(try post(reader.message(field)))
            case 5: content = try request(reader.message(field))
            case 6: content = try answer(reader.message(field))
            case 7: content = .failed(id: try number(reader.message(field)))
            case 9: content = .post(try poll(reader.message(field)))
            case 11: content = .post(try emulated(reader.message(field)))
            case 8: content = .fragment(try fragment(reader.message(field)))
            case 10: content = .occupancy(try OccupancyMessage.decode(reader.message(field)))
            default: try reader.skip(field)
            }
        }
        guard version == NodeFrame.version, let content else { return nil }
        return NodeFrame(sender: sender, content: content)
    }

    private static func heartbeat(_ message: ProtobufReader) throws(MalformedFrame) -> NodeHeartbeat {
        var reader = message
        var heartbeat = NodeHeartbeat(name: "")
        while let field = try reader.nextField() {
            switch field.number {
            case 1: heartbeat.name = NodeName(try reader.string(field))
            case 2: heartbeat.sequence = try reader.uint64(field)
            case 3: heartbeat.isLeaving = try reader.bool(field)
            case 4: heartbeat.isNew = try reader.bool(field)
            case 5: heartbeat.notesOccupancy = try reader.bool(field)
            case 6: heartbeat.lostReceiver = try reader.uint64(field)
            default: try reader.skip(field)
            }
        }
        return heartbeat
    }

    private static func post(_ message: ProtobufReader) throws(MalformedFrame) -> NodeMessage {
        var reader = message
        var user: UserID = ""
        var sequence: UInt64 = 0
        while let field = try reader.nextField() {
            switch field.number {
            case 1: user = UserID(try reader.string(field))
            case 2: sequence = try reader.uint64(field)
            default: try reader.skip(field)
            }
        }
        return .disconnectOlder(user: user, sequence: sequence)
    }

    private static func poll(_ message: ProtobufReader) throws(MalformedFrame) -> NodeMessage {
        var reader = message
        var key = ExclusivePolls.Key(user: "", channels: [])
        var sequence: UInt64 = 0
        while let field = try reader.nextField() {
            switch field.number {
            case 1: key.user = try reader.string(field)
            case 2: sequence = try reader.uint64(field)
            case 3: key.channels.append(try reader.string(field))
            default: try reader.skip(field)
            }
        }
        return .cancelOlderPoll(key, sequence: sequence)
    }

    private static func emulated(_ message: ProtobufReader) throws(MalformedFrame) -> NodeMessage {
        var reader = message
        var session = ClientID(high: 0, low: 0)
        var data: [UInt8] = []
        while let field = try reader.nextField() {
            switch field.number {
            case 1: session = try reader.client(field)
            case 2: data = try reader.bytes(field)
            default: try reader.skip(field)
            }
        }
        return .emulated(session: session, data)
    }

    private static func number(_ message: ProtobufReader) throws(MalformedFrame) -> UInt64 {
        var reader = message
        var number: UInt64 = 0
        while let field = try reader.nextField() {
            if field.number == 1 { number = try reader.uint64(field) } else { try reader.skip(field) }
        }
        return number
    }

    private static func request(_ message: ProtobufReader) throws(MalformedFrame) -> Content {
        var reader = message
        var (id, timeMs) = (UInt64(0), UInt64(0))
        var command: ControlCommand?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: id = try reader.uint64(field)
            case 2: timeMs = try reader.uint64(field)
            case 3: command = try ControlCommand.decode(reader.message(field))
            default: try reader.skip(field)
            }
        }
        guard let command else { return .failed(id: id) }
        return .request(id: id, timeMs: timeMs, command)
    }

    private static func answer(_ message: ProtobufReader) throws(MalformedFrame) -> Content {
        var reader = message
        var id: UInt64 = 0
        var answer: ControlAnswer?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: id = try reader.uint64(field)
            case 2:
                guard let known = try ControlAnswer.decode(reader.message(field)) else { return .failed(id: id) }
                answer = known
            default: try reader.skip(field)
            }
        }
        return .answer(id: id, answer)
    }

    private static func fragment(_ message: ProtobufReader) throws(MalformedFrame) -> NodeFragment {
        var reader = message
        var fragment = NodeFragment(id: 0, index: 0, count: 0, bytes: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: fragment.id = try reader.uint64(field)
            case 2: fragment.index = try reader.uint64(field)
            case 3: fragment.count = try reader.uint64(field)
            case 4: fragment.bytes = try reader.bytes(field)
            default: try reader.skip(field)
            }
        }
        return fragment
    }
}
