import PharosDomain

/// Reads the payload of one command.
struct ProtobufRequestReader {
    private let message: ProtobufReader

    init(_ message: ProtobufReader) {
        self.message = message
    }

    func connect() throws(MalformedFrame) -> ConnectRequest {
        var reader = message
        var request = ConnectRequest()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: request.token = try reader.string(field)
            case 2: request.data = try reader.bytes(field)
            case 3:
                let (channel, subscription): (ChannelName, SubscribeRequest) = try reader.mapEntry(
                    field, empty: SubscribeRequest()
                ) {
                    (reader, field) throws(MalformedFrame) in
                    try ProtobufRequestReader(try reader.message(field)).subscribe()
                }
                request.subscriptions[channel] = subscription
            case 4: request.name = try reader.string(field)
            case 5: request.version = try reader.string(field)
            case 6:
                let (name, value): (FieldName, String) = try reader.textEntry(field)
                request.headers[name] = value
            case 7: _ = try reader.int64(field)
            default: try reader.skip(field)
            }
        }
        return request
    }

    func subscribe() throws(MalformedFrame) -> SubscribeRequest {
        var reader = message
        var request = SubscribeRequest()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: request.channel = try reader.string(field)
            case 2: request.token = try reader.string(field)
            case 3: request.recover = try reader.bool(field)
            case 6: request.epoch = try reader.string(field)
            case 7: request.offset = try reader.uint64(field)
            case 8: request.data = try reader.bytes(field)
            case 9: request.positioned = try reader.bool(field)
            case 10: request.recoverable = try reader.bool(field)
            case 11: request.joinLeave = try reader.bool(field)
            case 12: request.delta = try reader.string(field)
            case 13:
                // The filter itself is not read: it nests without bound, and all that matters is that it is there.
                _ = try reader.message(field)
                request.unsupported.insert(.tagsFilter)
            case 14: request.rejectsUnrecovered = SubscribeFlag.rejectsUnrecovered(try reader.int64(field))
            case 15: request.unsupported.set(type: try reader.int32(field))
            default: try reader.skip(field)
            }
        }
        return request
    }

    func publish() throws(MalformedFrame) -> PublishRequest {
        var reader = message
        var request = PublishRequest()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: request.channel = try reader.string(field)
            case 2: request.data = try reader.bytes(field)
            case 3: request.unsupported.set(type: try reader.int32(field))
            default: try reader.skip(field)
            }
        }
        return request
    }

    func history() throws(MalformedFrame) -> HistoryRequest {
        var reader = message
        var request = HistoryRequest()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: request.channel = try reader.string(field)
            case 7: request.limit = try reader.int32(field)
            case 8: request.since = try Self.position(try reader.message(field))
            case 9: request.reverse = try reader.bool(field)
            default: try reader.skip(field)
            }
        }
        return request
    }

    private static func position(_ message: ProtobufReader) throws(MalformedFrame) -> StreamPosition {
        var reader = message
        var position = StreamPosition()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: position.offset = try reader.uint64(field)
            case 2: position.epoch = try reader.string(field)
            default: try reader.skip(field)
            }
        }
        return position
    }

    func ping() throws(MalformedFrame) -> Request {
        var reader = message
        while let field = try reader.nextField() { try reader.skip(field) }
        return .ping
    }

    func send() throws(MalformedFrame) -> [UInt8] {
        var reader = message
        var data: [UInt8] = []
        while let field = try reader.nextField() {
            switch field.number {
            case 1: data = try reader.bytes(field)
            default: try reader.skip(field)
            }
        }
        return data
    }

    func rpc() throws(MalformedFrame) -> Request {
        var reader = message
        var data: [UInt8] = []
        var method: MethodName = ""
        while let field = try reader.nextField() {
            switch field.number {
            case 1: data = try reader.bytes(field)
            case 2: method = try reader.string(field)
            default: try reader.skip(field)
            }
        }
        return .rpc(method: method, data: data)
    }

    func subRefresh() throws(MalformedFrame) -> SubRefreshRequest {
        var reader = message
        var request = SubRefreshRequest()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: request.channel = try reader.string(field)
            case 2: request.token = try reader.string(field)
            case 3: request.unsupported.set(type: try reader.int32(field))
            default: try reader.skip(field)
            }
        }
        return request
    }

    func name<Kind>(number: Int) throws(MalformedFrame) -> Identifier<Kind> { Identifier(try text(number: number)) }

    /// A payload of which one text is all that we need: a channel or a token.
    func text(number: Int) throws(MalformedFrame) -> String {
        var reader = message
        var text = ""
        while let field = try reader.nextField() {
            if field.number == number {
                text = try reader.string(field)
            } else {
                try reader.skip(field)
            }
        }
        return text
    }
}
