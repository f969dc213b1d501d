import PharosBytes
import PharosDomain
import PharosProtocol

/// Commands on their way to other nodes.
extension ControlCommand {
    func encode(into writer: inout ByteWriter) {
        switch self {
        case .subscribe(let request): writer.appendMessage(1) { ControlCommand.append(request, into: &$0) }
        case .unsubscribe(let request):
            writer.appendMessage(2) { message in
                message.appendField(1, request.channel)
                message.appendTarget(2, request.target)
            }
        case .disconnect(let request):
            writer.appendMessage(3) { message in
                message.appendTarget(1, request.target)
                message.appendField(2, request.disconnect.code)
                message.appendField(3, request.disconnect.reason)
            }
        case .refresh(let request):
            writer.appendMessage(4) { message in
                message.appendTarget(1, request.target)
                message.appendField(2, request.expired)
                message.appendField(3, request.expireAt)
                message.appendField(4, request.info)
            }
        case .listChannels: writer.appendMessage(5) { _ in }
        case .summary: writer.appendMessage(6) { _ in }
        case .send(let request):
            writer.appendMessage(7) { message in
                message.appendTarget(1, request.target)
                message.appendField(2, request.data)
                message.appendField(3, request.dataIsJSON)
            }
        case .listConnections(let request):
            writer.appendMessage(8) { message in
                message.appendField(1, request.user)
                message.appendField(2, request.channel)
                message.appendField(3, UInt64(max(request.limit, 0)))
                if let cursor = request.cursor { message.appendClient(4, cursor) }
            }
        case .countSubscribers(let channel): writer.appendMessage(9) { $0.appendField(1, channel) }
        case .members(let channel): writer.appendMessage(10) { $0.appendField(1, channel) }
        case .memberCounts(let channel): writer.appendMessage(11) { $0.appendField(1, channel) }
        case .surrenderSession(let surrender): writer.appendMessage(13) { surrender.encode(into: &$0) }
        case .pollSession(let poll): writer.appendMessage(14) { poll.encode(into: &$0) }
        case .raw(let order): writer.appendMessage(12) { order.encode(into: &$0) }
        }
    }

    private static func append(_ request: APISubscribe, into writer: inout ByteWriter) {
        writer.appendField(1, request.channel)
        writer.appendTarget(2, request.target)
        if let since = request.recoverSince {
            writer.appendMessage(3) { position in
                position.appendField(1, since.offset)
                position.appendField(2, since.epoch)
            }
        }
        let options = request.options
        writer.appendField(4, options.expireAt)
        writer.appendField(5, options.info)
        writer.appendField(6, options.data)
        let override = options.override
        let values = [
            override.presence, override.joinLeave, override.forcePushJoinLeave, override.forceRecovery,
            override.forcePositioning,
        ]
        // Two bits for each: whether it is given, and its value.
        let bits = values.enumerated().reduce(UInt64(0)) { bits, entry in
            guard let value = entry.element else { return bits }
            return bits | (value ? 3 : 1) << UInt64(2 * entry.offset)
        }
        writer.appendField(7, bits)
    }

    /// nil: a command of a later version.
    static func decode(_ message: ProtobufReader) throws(MalformedFrame) -> ControlCommand? {
        var reader = message
        var command: ControlCommand?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: command = .subscribe(try subscribe(reader.message(field)))
            case 2: command = .unsubscribe(try unsubscribe(reader.message(field)))
            case 3: command = .disconnect(try disconnect(reader.message(field)))
            case 4: command = .refresh(try refresh(reader.message(field)))
            case 5:
                try reader.skip(field)
                command = .listChannels
            case 6:
                try reader.skip(field)
                command = .summary
            case 7: command = .send(try send(reader.message(field)))
            case 8: command = .listConnections(try connections(reader.message(field)))
            case 9: command = .countSubscribers(try channel(reader.message(field)))
            case 10: command = .members(try channel(reader.message(field)))
            case 11: command = .memberCounts(try channel(reader.message(field)))
            case 13: command = .surrenderSession(try SessionSurrender(reader.message(field)))
            case 14: command = .pollSession(try ForeignPoll(reader.message(field)))
            case 12: command = .raw(try RawForeignOrder(reader.message(field)))
            default: try reader.skip(field)
            }
        }
        return command
    }

    private static func subscribe(_ message: ProtobufReader) throws(MalformedFrame) -> APISubscribe {
        var reader = message
        var request = APISubscribe()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: request.channel = ChannelName(try reader.string(field))
            case 2:
                let target = try reader.target(field)
                (request.user, request.client, request.session) = (target.user, target.client, target.session)
            case 3: request.recoverSince = try reader.position(field)
            case 4: request.options.expireAt = try reader.int64(field)
            case 5: request.options.info = try reader.bytes(field)
            case 6: request.options.data = try reader.bytes(field)
            case 7: request.options.override = SubscriptionOptions.Override(bits: try reader.uint64(field))
            default: try reader.skip(field)
            }
        }
        return request
    }

    private static func unsubscribe(_ message: ProtobufReader) throws(MalformedFrame) -> APIUnsubscribe {
        var reader = message
        var request = APIUnsubscribe()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: request.channel = ChannelName(try reader.string(field))
            case 2:
                let target = try reader.target(field)
                (request.user, request.client, request.session) = (target.user, target.client, target.session)
                (request.all, request.exclude) = (target.all, target.exclude)
            default: try reader.skip(field)
            }
        }
        return request
    }

    private static func disconnect(_ message: ProtobufReader) throws(MalformedFrame) -> APIDisconnect {
        var reader = message
        var request = APIDisconnect()
        request.disconnect = Disconnect(code: 0, reason: "")
        while let field = try reader.nextField() {
            switch field.number {
            case 1:
                let target = try reader.target(field)
                (request.user, request.client, request.session) = (target.user, target.client, target.session)
                (request.channel, request.all, request.exclude) = (target.channel, target.all, target.exclude)
            case 2: request.disconnect.code = try reader.uint32(field)
            case 3: request.disconnect.reason = try reader.string(field)
            default: try reader.skip(field)
            }
        }
        return request
    }

    private static func refresh(_ message: ProtobufReader) throws(MalformedFrame) -> APIRefresh {
        var reader = message
        var request = APIRefresh()
        while let field = try reader.nextField() {
            switch field.number {
            case 1:
                let target = try reader.target(field)
                (request.user, request.client, request.session) = (target.user, target.client, target.session)
            case 2: request.expired = try reader.bool(field)
            case 3: request.expireAt = try reader.int64(field)
            case 4: request.info = try reader.bytes(field)
            default: try reader.skip(field)
            }
        }
        return request
    }

    private static func send(_ message: ProtobufReader) throws(MalformedFrame) -> APISend {
        var reader = message
        var request = APISend()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: request.target = try reader.target(field)
            case 2: request.data = try reader.bytes(field)
            case 3: request.dataIsJSON = try reader.bool(field)
            default: try reader.skip(field)
            }
        }
        return request
    }

    private static func connections(_ message: ProtobufReader) throws(MalformedFrame) -> APIConnections {
        var reader = message
        var request = APIConnections()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: request.user = UserID(try reader.string(field))
            case 2: request.channel = ChannelName(try reader.string(field))
            case 3: request.limit = Int(min(try reader.uint64(field), UInt64(APIConnections.pageLimit)))
            case 4: request.cursor = try reader.client(field)
            default: try reader.skip(field)
            }
        }
        return request
    }

    private static func channel(_ message: ProtobufReader) throws(MalformedFrame) -> ChannelName {
        var reader = message
        var channel: ChannelName = ""
        while let field = try reader.nextField() {
            if field.number == 1 { channel = ChannelName(try reader.string(field)) } else { try reader.skip(field) }
        }
        return channel
    }
}

extension SubscriptionOptions.Override {
    fileprivate init(bits: UInt64) {
        self.init()
        func value(_ index: UInt64) -> Bool? {
            let pair = bits >> (2 * index) & 3
            return pair & 1 == 0 ? nil : pair == 3
        }
        presence = value(0)
        joinLeave = value(1)
        forcePushJoinLeave = value(2)
        forceRecovery = value(3)
        forcePositioning = value(4)
    }
}

extension ByteWriter {
    fileprivate mutating func appendTarget(_ number: Int, _ target: APITarget) {
        appendMessage(number) { message in
            message.appendField(1, target.user)
            message.appendField(2, target.client)
            message.appendField(3, target.session)
            message.appendField(4, target.channel)
            message.appendField(5, target.all)
            for client in target.exclude { message.appendClient(6, client) }
        }
    }

    mutating func appendClient(_ number: Int, _ client: ClientID) {
        appendMessage(number) { message in
            message.appendField(1, client.high)
            message.appendField(2, client.low)
        }
    }
}

extension ProtobufReader {
    fileprivate mutating func target(_ field: Field) throws(MalformedFrame) -> APITarget {
        var reader = try message(field)
        var target = APITarget()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: target.user = UserID(try reader.string(field))
            case 2: target.client = ClientName(try reader.string(field))
            case 3: target.session = SessionKey(try reader.string(field))
            case 4: target.channel = ChannelName(try reader.string(field))
            case 5: target.all = try reader.bool(field)
            case 6: target.exclude.insert(try reader.client(field))
            default: try reader.skip(field)
            }
        }
        return target
    }

    mutating func client(_ field: Field) throws(MalformedFrame) -> ClientID {
        var reader = try message(field)
        var client = ClientID(high: 0, low: 0)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: client.high = try reader.uint64(field)
            case 2: client.low = try reader.uint64(field)
            default: try reader.skip(field)
            }
        }
        return client
    }

    mutating func position(_ field: Field) throws(MalformedFrame) -> StreamPosition {
        var reader = try message(field)
        var position = StreamPosition()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: position.offset = try reader.uint64(field)
            case 2: position.epoch = Epoch(try reader.string(field))
            default: try reader.skip(field)
            }
        }
        return position
    }
}
