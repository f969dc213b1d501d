import PharosDomain

/// Reads the payload of one reply.
struct ProtobufResultReader {
    let message: ProtobufReader

    init(_ message: ProtobufReader) {
        self.message = message
    }

    func error() throws(MalformedFrame) -> ReplyError {
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

    func connect() throws(MalformedFrame) -> ConnectResult {
        var reader = message
        var result = ConnectResult()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: result.client = try reader.string(field)
            case 2: result.version = try reader.string(field)
            case 3: result.expires = try reader.bool(field)
            case 4: result.ttl = try reader.uint32(field)
            case 5: result.data = try reader.bytes(field)
            case 6:
                let (channel, subscription): (ChannelName, SubscribeResult) = try reader.mapEntry(
                    field, empty: SubscribeResult()
                ) {
                    (reader, field) throws(MalformedFrame) in
                    try ProtobufResultReader(try reader.message(field)).subscribe()
                }
                result.subscriptions[channel] = subscription
            case 7: result.ping = try reader.uint32(field)
            case 8: result.pong = try reader.bool(field)
            case 9: result.session = try reader.string(field)
            case 10: result.node = try reader.string(field)
            case 11: result.timeMs = try reader.int64(field)
            default: try reader.skip(field)
            }
        }
        return result
    }

    func subscribe() throws(MalformedFrame) -> SubscribeResult {
        var reader = message
        var result = SubscribeResult()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: result.expires = try reader.bool(field)
            case 2: result.ttl = try reader.uint32(field)
            case 3: result.recoverable = try reader.bool(field)
            case 6: result.epoch = try reader.string(field)
            case 7: result.publications.append(try reader.publication(field).0)
            case 8: result.recovered = try reader.bool(field)
            case 9: result.offset = try reader.uint64(field)
            case 10: result.positioned = try reader.bool(field)
            case 11: result.data = try reader.bytes(field)
            case 12: result.wasRecovering = try reader.bool(field)
            case 13: result.delta = try reader.bool(field)
            default: try reader.skip(field)
            }
        }
        return result
    }

    func presence() throws(MalformedFrame) -> [ClientName: ClientInfo] {
        var reader = message
        var clients: [ClientName: ClientInfo] = [:]
        while let field = try reader.nextField() {
            switch field.number {
            case 1:
                let (client, info): (ClientName, ClientInfo) = try reader.mapEntry(
                    field, empty: ClientInfo(user: "", client: "")
                ) {
                    (reader, field) throws(MalformedFrame) in try reader.clientInfo(field)
                }
                clients[client] = info
            default: try reader.skip(field)
            }
        }
        return clients
    }

    func presenceStats() throws(MalformedFrame) -> Reply.Result {
        var reader = message
        var clients: UInt32 = 0
        var users: UInt32 = 0
        while let field = try reader.nextField() {
            switch field.number {
            case 1: clients = try reader.uint32(field)
            case 2: users = try reader.uint32(field)
            default: try reader.skip(field)
            }
        }
        return .presenceStats(clients: clients, users: users)
    }

    func history() throws(MalformedFrame) -> Reply.Result {
        var reader = message
        var publications: [Publication] = []
        var top = StreamPosition()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: publications.append(try reader.publication(field).0)
            case 2: top.epoch = try reader.string(field)
            case 3: top.offset = try reader.uint64(field)
            default: try reader.skip(field)
            }
        }
        return .history(publications: publications, top: top)
    }

    func refresh() throws(MalformedFrame) -> RefreshResult {
        var reader = message
        var result = RefreshResult()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: result.client = try reader.string(field)
            case 2: result.version = try reader.string(field)
            case 3: result.expires = try reader.bool(field)
            case 4: result.ttl = try reader.uint32(field)
            default: try reader.skip(field)
            }
        }
        return result
    }

    func subRefresh() throws(MalformedFrame) -> Reply.Result {
        let (expires, ttl) = try expiry()
        return .subRefresh(expires: expires, ttl: ttl)
    }

    /// 1 `expires`, 2 `ttl`: the answer to a sub-refresh and the push `refresh`.
    func expiry() throws(MalformedFrame) -> (expires: Bool, ttl: UInt32) {
        var reader = message
        var expires = false
        var ttl: UInt32 = 0
        while let field = try reader.nextField() {
            switch field.number {
            case 1: expires = try reader.bool(field)
            case 2: ttl = try reader.uint32(field)
            default: try reader.skip(field)
            }
        }
        return (expires, ttl)
    }

    /// A payload whose only field is `data`.
    func data() throws(MalformedFrame) -> [UInt8] {
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

    /// A payload without fields; it must be a message all the same.
    func empty(_ result: Reply.Result) throws(MalformedFrame) -> Reply.Result {
        var reader = message
        while let field = try reader.nextField() { try reader.skip(field) }
        return result
    }
}
