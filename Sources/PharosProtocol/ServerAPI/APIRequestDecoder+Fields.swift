import PharosBytes
import PharosDomain

/// A payload that arrives as JSON in one field or as base64 in another. Given both, base64 counts.
struct APIPayload {
    private(set) var bytes: [UInt8] = []
    private var isBase64 = false

    var isJSON: Bool {
        guard isBase64 else { return !bytes.isEmpty }
        return bytes.withUnsafeBytes { JSONScanner.isValid($0) }
    }

    /// Any JSON value, `null` included.
    mutating func readJSON(_ scanner: inout JSONScanner) throws(MalformedFrame) {
        let raw = try scanner.skipValue()
        if !isBase64 { bytes = Array(raw) }
    }

    /// A JSON value, where `null` means that there is none.
    mutating func readOptionalJSON(_ scanner: inout JSONScanner) throws(MalformedFrame) {
        if !scanner.skipNull() { try readJSON(&scanner) }
    }

    mutating func readBase64(_ scanner: inout JSONScanner) throws(MalformedFrame) {
        guard !scanner.skipNull() else { return }
        let text = try scanner.text()
        guard !text.isEmpty else { return }
        guard let decoded = Base64.decode(text) else { throw MalformedFrame(reason: "not base64") }
        bytes = decoded
        isBase64 = true
    }
}

struct APIPublishFields: JSONMessage {
    private var fields = APIPublish()
    private var payload = APIPayload()
    static var withoutFields: APIPublishFields { APIPublishFields() }

    consuming func request() -> APIPublish {
        fields.data = payload.bytes
        fields.dataIsJSON = payload.isJSON
        return fields
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channel": fields.channel = try scanner.stringField()
        default: try readShared(field, from: &scanner)
        }
    }

    /// The fields that a broadcast has as well.
    mutating func readShared(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "data": try payload.readJSON(&scanner)
        case "b64data": try payload.readBase64(&scanner)
        case "skip_history": fields.skipHistory = try scanner.boolField()
        case "tags": fields.tags = try scanner.stringMapField()
        case "idempotency_key": fields.idempotencyKey = try scanner.stringField()
        case "delta": fields.delta = try scanner.boolField()
        case "version": fields.version = try scanner.integerField()
        case "version_epoch": fields.versionEpoch = try scanner.stringField()
        case "exclude_client": fields.excludeClient = try scanner.clientField()
        default: try scanner.skipValue()
        }
    }
}

struct APIBroadcastFields: JSONMessage {
    private var channels: [ChannelName] = []
    private var shared = APIPublishFields.withoutFields
    static var withoutFields: APIBroadcastFields { APIBroadcastFields() }

    consuming func request() -> APIBroadcast {
        var request = APIBroadcast()
        request.channels = channels
        request.template = shared.request()
        return request
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channels": channels = try scanner.stringListField()
        default: try shared.readShared(field, from: &scanner)
        }
    }
}

struct APISubscribeFields: JSONMessage {
    private var fields = APISubscribe()
    private var info = APIPayload()
    private var data = APIPayload()
    static var withoutFields: APISubscribeFields { APISubscribeFields() }

    consuming func request() -> APISubscribe {
        fields.options.info = info.bytes
        fields.options.data = data.bytes
        return fields
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channel": fields.channel = try scanner.stringField()
        case "user": fields.user = try scanner.stringField()
        case "client": fields.client = try scanner.stringField()
        case "session": fields.session = try scanner.stringField()
        case "expire_at": fields.options.expireAt = try scanner.integerField()
        case "info": try info.readOptionalJSON(&scanner)
        case "b64info": try info.readBase64(&scanner)
        case "data": try data.readOptionalJSON(&scanner)
        case "b64data": try data.readBase64(&scanner)
        case "recover_since": fields.recoverSince = try scanner.optionalMessage()
        case "override": fields.options.override = try scanner.optionalMessage() ?? .withoutFields
        default: try scanner.skipValue()
        }
    }
}

extension SubscriptionOptions.Override: JSONMessage {
    static var withoutFields: SubscriptionOptions.Override { SubscriptionOptions.Override() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "presence": presence = try scanner.optionalMessage(BoxedBool.self)?.value
        case "join_leave": joinLeave = try scanner.optionalMessage(BoxedBool.self)?.value
        case "force_push_join_leave": forcePushJoinLeave = try scanner.optionalMessage(BoxedBool.self)?.value
        case "force_recovery": forceRecovery = try scanner.optionalMessage(BoxedBool.self)?.value
        case "force_positioning": forcePositioning = try scanner.optionalMessage(BoxedBool.self)?.value
        default: try scanner.skipValue()
        }
    }

    /// `{"value":true}`: false and absent are different things here.
    private struct BoxedBool: JSONMessage {
        var value = false
        static var withoutFields: BoxedBool { BoxedBool() }

        mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
            switch field {
            case "value": value = try scanner.boolField()
            default: try scanner.skipValue()
            }
        }
    }
}

extension APIUnsubscribe: JSONMessage {
    static var withoutFields: APIUnsubscribe { APIUnsubscribe() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channel": channel = try scanner.stringField()
        case "user": user = try scanner.stringField()
        case "client": client = try scanner.stringField()
        case "session": session = try scanner.stringField()
        case "all": all = try scanner.boolField()
        case "exclude": exclude = try scanner.excludeField()
        default: try scanner.skipValue()
        }
    }
}

extension APIDisconnect: JSONMessage {
    static var withoutFields: APIDisconnect { APIDisconnect() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "user": user = try scanner.stringField()
        case "client": client = try scanner.stringField()
        case "session": session = try scanner.stringField()
        case "channel": channel = try scanner.stringField()
        case "all": all = try scanner.boolField()
        case "exclude": exclude = try scanner.excludeField()
        case "whitelist": whitelist = try scanner.stringListField()
        case "disconnect":
            guard let end = try scanner.optionalMessage(JSONEnd.self) else { return }
            guard end.code == 0 || (3000...4999).contains(end.code) else {
                throw MalformedFrame(reason: "code must be from 3000 to 4999")
            }
            disconnect = .forceDisconnect
            if end.code != 0 { disconnect = Disconnect(code: end.code, reason: "") }
            if !end.reason.isEmpty { disconnect.reason = end.reason }
        default: try scanner.skipValue()
        }
    }
}

struct APIRefreshFields: JSONMessage {
    private var fields = APIRefresh()
    private var info = APIPayload()
    static var withoutFields: APIRefreshFields { APIRefreshFields() }

    consuming func request() -> APIRefresh {
        fields.info = info.bytes
        return fields
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "user": fields.user = try scanner.stringField()
        case "client": fields.client = try scanner.stringField()
        case "session": fields.session = try scanner.stringField()
        case "expired": fields.expired = try scanner.boolField()
        case "expire_at": fields.expireAt = try scanner.integerField()
        case "info": try info.readOptionalJSON(&scanner)
        case "b64info": try info.readBase64(&scanner)
        default: try scanner.skipValue()
        }
    }
}

extension APIHistory: JSONMessage {
    static var withoutFields: APIHistory { APIHistory() }

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

extension APIChannels: JSONMessage {
    static var withoutFields: APIChannels { APIChannels() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "pattern": pattern = try scanner.stringField()
        case "limit":
            limit = try scanner.integerField()
            guard limit >= 0 else { throw MalformedFrame(reason: "must not be negative") }
        case "cursor": cursor = try scanner.stringField()
        default: try scanner.skipValue()
        }
    }
}

struct APICallFields: JSONMessage {
    var method: MethodName = ""
    var params: [UInt8] = []
    static var withoutFields: APICallFields { APICallFields() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "method": method = try scanner.stringField()
        case "params": params = scanner.skipNull() ? [] : try scanner.rawField()
        default: try scanner.skipValue()
        }
    }
}
