import PharosDomain

extension ReplyError: JSONMessage {
    static var withoutFields: ReplyError { ReplyError(code: 0, message: "") }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "code": code = try scanner.integerField()
        case "message": message = try scanner.stringField()
        case "temporary": isTemporary = try scanner.boolField()
        default: try scanner.skipValue()
        }
    }
}

extension ConnectResult: JSONMessage {
    static var withoutFields: ConnectResult { ConnectResult() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "client": client = try scanner.stringField()
        case "version": version = try scanner.stringField()
        case "expires": expires = try scanner.boolField()
        case "ttl": ttl = try scanner.integerField()
        case "data": data = try scanner.rawField()
        case "subs": subscriptions = try scanner.messageMapField()
        case "ping": ping = try scanner.integerField()
        case "pong": pong = try scanner.boolField()
        case "session": session = try scanner.stringField()
        case "node": node = try scanner.stringField()
        case "time": timeMs = try scanner.integerField()
        default: try scanner.skipValue()
        }
    }
}

extension SubscribeResult: JSONMessage {
    static var withoutFields: SubscribeResult { SubscribeResult() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "expires": expires = try scanner.boolField()
        case "ttl": ttl = try scanner.integerField()
        case "recoverable": recoverable = try scanner.boolField()
        case "epoch": epoch = try scanner.stringField()
        case "publications": publications = try scanner.messageListField()
        case "recovered": recovered = try scanner.boolField()
        case "offset": offset = try scanner.integerField()
        case "positioned": positioned = try scanner.boolField()
        case "data": data = try scanner.rawField()
        case "was_recovering": wasRecovering = try scanner.boolField()
        case "delta": delta = try scanner.boolField()
        default: try scanner.skipValue()
        }
    }
}

extension RefreshResult: JSONMessage {
    static var withoutFields: RefreshResult { RefreshResult() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "client": client = try scanner.stringField()
        case "version": version = try scanner.stringField()
        case "expires": expires = try scanner.boolField()
        case "ttl": ttl = try scanner.integerField()
        default: try scanner.skipValue()
        }
    }
}

extension ServerSubscription: JSONMessage {
    static var withoutFields: ServerSubscription { ServerSubscription() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "recoverable": recoverable = try scanner.boolField()
        case "epoch": epoch = try scanner.stringField()
        case "offset": offset = try scanner.integerField()
        case "positioned": positioned = try scanner.boolField()
        case "data": data = try scanner.rawField()
        default: try scanner.skipValue()
        }
    }
}

extension Publication: JSONMessage {
    static var withoutFields: Publication { Publication(data: []) }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "data": data = try scanner.rawField()
        case "info": info = try scanner.optionalMessage()
        case "offset": offset = try scanner.integerField()
        case "tags": tags = try scanner.stringMapField()
        case "delta": isDelta = try scanner.boolField()
        case "time": timeMs = try scanner.integerField()
        default: try scanner.skipValue()
        }
    }
}

extension ClientInfo: JSONMessage {
    static var withoutFields: ClientInfo { ClientInfo(user: "", client: "") }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "user": user = try scanner.stringField()
        case "client": client = try scanner.stringField()
        case "conn_info": connectionInfo = try scanner.rawField()
        case "chan_info": channelInfo = try scanner.rawField()
        default: try scanner.skipValue()
        }
    }
}

/// A publication as a push carries it: with the epoch that the values in lists do not have.
struct JSONPushedPublication: JSONMessage {
    var publication = Publication.withoutFields
    var epoch = ""
    static var withoutFields: JSONPushedPublication { JSONPushedPublication() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "epoch": epoch = try scanner.stringField()
        default: try publication.read(field, from: &scanner)
        }
    }
}

struct JSONPresence: JSONMessage {
    var clients: [String: ClientInfo] = [:]
    static var withoutFields: JSONPresence { JSONPresence() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "presence": clients = try scanner.messageMapField()
        default: try scanner.skipValue()
        }
    }
}

struct JSONPresenceStats: JSONMessage {
    var clients: UInt32 = 0
    var users: UInt32 = 0
    static var withoutFields: JSONPresenceStats { JSONPresenceStats() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "num_clients": clients = try scanner.integerField()
        case "num_users": users = try scanner.integerField()
        default: try scanner.skipValue()
        }
    }
}

struct JSONHistory: JSONMessage {
    var publications: [Publication] = []
    var top = StreamPosition()
    static var withoutFields: JSONHistory { JSONHistory() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "publications": publications = try scanner.messageListField()
        default: try top.read(field, from: &scanner)
        }
    }
}

/// The payload of `join` and `leave`.
struct JSONPresenceChange: JSONMessage {
    var info = ClientInfo.withoutFields
    static var withoutFields: JSONPresenceChange { JSONPresenceChange() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "info": info = try scanner.message()
        default: try scanner.skipValue()
        }
    }
}

/// The payload of `unsubscribe` and `disconnect`.
struct JSONEnd: JSONMessage {
    var code: UInt32 = 0
    var reason = ""
    static var withoutFields: JSONEnd { JSONEnd() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "code": code = try scanner.integerField()
        case "reason": reason = try scanner.stringField()
        default: try scanner.skipValue()
        }
    }
}
