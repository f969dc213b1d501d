import PharosBytes
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
        case "b64data": try scanner.base64Flag(&data)
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
        case "b64data": try scanner.base64Flag(&data)
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
        case "b64data": try scanner.base64Flag(&data)
        default: try scanner.skipValue()
        }
    }
}

extension Publication: JSONMessage {
    static var withoutFields: Publication { Publication(data: []) }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "data": data = try scanner.rawField()
        case "b64data": if try scanner.base64Flag(&data) { isJSON = JSONScanner.isValid(data) }
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
        case "b64conn_info": try scanner.base64Flag(&connectionInfo)
        case "chan_info": channelInfo = try scanner.rawField()
        case "b64chan_info": try scanner.base64Flag(&channelInfo)
        default: try scanner.skipValue()
        }
    }
}

/// A publication as a push carries it.
///
/// It has the epoch, which the values in lists do not have.
struct JSONPushedPublication: JSONMessage {
    var publication = Publication.withoutFields
    var epoch: Epoch = ""
    static var withoutFields: JSONPushedPublication { JSONPushedPublication() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "epoch": epoch = try scanner.stringField()
        default: try publication.read(field, from: &scanner)
        }
    }
}

struct JSONPresence: JSONMessage {
    var clients: [ClientName: ClientInfo] = [:]
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

/// The result of `rpc`, and a push `message`.
struct JSONPayload: JSONMessage {
    var data: [UInt8] = []
    static var withoutFields: JSONPayload { JSONPayload() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "data": data = try scanner.rawField()
        case "b64data": try scanner.base64Flag(&data)
        default: try scanner.skipValue()
        }
    }
}

extension JSONScanner {
    /// Reads the flag of a payload that was read before it.
    ///
    /// - Returns: whether `payload` is now what its base64 stands for. In a stream of deltas it is not: there the text
    /// is for the code that puts it together.
    @discardableResult
    mutating func base64Flag(_ payload: inout [UInt8]) throws(MalformedFrame) -> Bool {
        guard try boolField() else { return false }
        let bytes = payload.withUnsafeBytes { text -> [UInt8]? in
            var scanner = JSONScanner(text)
            return (try? scanner.text()).flatMap { Base64.decode($0) }
        }
        guard let bytes else { return false }
        // JSON is as if it had come as JSON, on one line.
        payload = JSONScanner.isValid(bytes) ? bytes.filter { $0 != 0x0A && $0 != 0x0D } : bytes
        return true
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
