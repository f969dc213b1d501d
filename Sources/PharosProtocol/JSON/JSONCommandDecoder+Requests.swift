import PharosDomain

// The fields of each request. Names are those of the protocol; what is not listed is ignored.

extension ConnectRequest: JSONMessage {
    static var withoutFields: ConnectRequest { ConnectRequest() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "token": token = try scanner.stringField()
        case "data": data = try scanner.rawField()
        case "subs": subscriptions = try scanner.messageMapField()
        case "name": name = try scanner.stringField()
        case "version": version = try scanner.stringField()
        case "headers": headers = try scanner.stringMapField()
        case "flag": let _: Int64 = try scanner.integerField()
        default: try scanner.skipValue()
        }
    }
}

extension SubscribeRequest: JSONMessage {
    static var withoutFields: SubscribeRequest { SubscribeRequest() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channel": channel = try scanner.stringField()
        case "token": token = try scanner.stringField()
        case "recover": recover = try scanner.boolField()
        case "epoch": epoch = try scanner.stringField()
        case "offset": offset = try scanner.integerField()
        case "data": data = try scanner.rawField()
        case "positioned": positioned = try scanner.boolField()
        case "recoverable": recoverable = try scanner.boolField()
        case "join_leave": joinLeave = try scanner.boolField()
        case "delta": delta = try scanner.stringField()
        case "tf":
            let hasFilter = !scanner.skipNull()
            if hasFilter { try scanner.skipValue() }
            unsupported.set(.tagsFilter, hasFilter)
        case "flag": rejectsUnrecovered = SubscribeFlag.rejectsUnrecovered(try scanner.integerField())
        case "type": unsupported.set(type: try scanner.integerField())
        default: try scanner.skipValue()
        }
    }
}

extension PublishRequest: JSONMessage {
    static var withoutFields: PublishRequest { PublishRequest() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channel": channel = try scanner.stringField()
        case "data": data = try scanner.rawField()
        case "type": unsupported.set(type: try scanner.integerField())
        default: try scanner.skipValue()
        }
    }
}

extension HistoryRequest: JSONMessage {
    static var withoutFields: HistoryRequest { HistoryRequest() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channel": channel = try scanner.stringField()
        case "limit": limit = try scanner.integerField()
        case "since": since = try scanner.optionalMessage()
        case "reverse": reverse = try scanner.boolField()
        default: try scanner.skipValue()
        }
    }
}

extension SubRefreshRequest: JSONMessage {
    static var withoutFields: SubRefreshRequest { SubRefreshRequest() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channel": channel = try scanner.stringField()
        case "token": token = try scanner.stringField()
        case "type": unsupported.set(type: try scanner.integerField())
        default: try scanner.skipValue()
        }
    }
}

extension StreamPosition: JSONMessage {
    static var withoutFields: StreamPosition { StreamPosition() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "offset": offset = try scanner.integerField()
        case "epoch": epoch = try scanner.stringField()
        default: try scanner.skipValue()
        }
    }
}

/// A message that has no fields.
struct JSONEmpty: JSONMessage {
    static var withoutFields: JSONEmpty { JSONEmpty() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        try scanner.skipValue()
    }
}

/// A request that names a channel and nothing more.
struct JSONChannelOnly: JSONMessage {
    var channel: ChannelName = ""
    static var withoutFields: JSONChannelOnly { JSONChannelOnly() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channel": channel = try scanner.stringField()
        default: try scanner.skipValue()
        }
    }
}

/// A request that carries a token and nothing more.
struct JSONTokenOnly: JSONMessage {
    var token = ""
    static var withoutFields: JSONTokenOnly { JSONTokenOnly() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "token": token = try scanner.stringField()
        default: try scanner.skipValue()
        }
    }
}

/// The fields of `rpc`.
///
/// With an empty method, also those of `send` and of every message that only carries data.
struct JSONMethodCall: JSONMessage {
    var method: MethodName = ""
    var data: [UInt8] = []
    static var withoutFields: JSONMethodCall { JSONMethodCall() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "method": method = try scanner.stringField()
        case "data": data = try scanner.rawField()
        default: try scanner.skipValue()
        }
    }
}
