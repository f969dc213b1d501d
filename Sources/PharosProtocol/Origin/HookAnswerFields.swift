import PharosDomain

/// The identity of a client: the result of `connect` and of a handshake.
struct HookConnectFields: JSONMessage {
    private var claims = ConnectionClaims()
    private var info = APIPayload()
    private(set) var data = APIPayload()
    private(set) var meta: [UInt8]?
    static var withoutFields: HookConnectFields { HookConnectFields() }

    func request() -> ConnectionClaims {
        var claims = claims
        claims.info = info.bytes
        claims.meta = meta ?? []
        return claims
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "user": claims.user = try scanner.stringField()
        case "expire_at": claims.expireAt = try scanner.hookTime()
        case "info": try info.readOptionalJSON(&scanner)
        case "b64info": try info.readBase64(&scanner)
        case "data": try data.readOptionalJSON(&scanner)
        case "b64data": try data.readBase64(&scanner)
        case "channels": claims.channels = try scanner.stringListField()
        case "subs":
            claims.subscriptions = try scanner.messageMapField(HookSubscriptionFields.self).mapValues { $0.request() }
        case "meta": meta = try scanner.metaField()
        default: try scanner.skipValue()
        }
    }
}

/// The settings of a subscription.
///
/// They are the result of `subscribe`, and the values of `subs` in that of `connect`.
struct HookSubscriptionFields: JSONMessage {
    private var options = SubscriptionOptions()
    private var info = APIPayload()
    private var data = APIPayload()
    private(set) var meta: [UInt8]?
    static var withoutFields: HookSubscriptionFields { HookSubscriptionFields() }

    func request() -> SubscriptionOptions {
        var options = options
        options.info = info.bytes
        options.data = data.bytes
        return options
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "expire_at": options.expireAt = try scanner.hookTime()
        case "info": try info.readOptionalJSON(&scanner)
        case "b64info": try info.readBase64(&scanner)
        case "data": try data.readOptionalJSON(&scanner)
        case "b64data": try data.readBase64(&scanner)
        case "override": options.override = try scanner.optionalMessage() ?? .withoutFields
        case "meta": meta = try scanner.metaField()
        default: try scanner.skipValue()
        }
    }
}

/// The result of `refresh` and `sub_refresh`.
struct HookRefreshFields: JSONMessage {
    private var refresh = HookRefresh()
    private var info = APIPayload()
    private(set) var meta: [UInt8]?
    static var withoutFields: HookRefreshFields { HookRefreshFields() }

    func request() -> HookRefresh {
        var refresh = refresh
        refresh.info = info.bytes
        return refresh
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "expired": refresh.isExpired = try scanner.boolField()
        case "expire_at": refresh.expireAt = try scanner.hookTime()
        case "info": try info.readOptionalJSON(&scanner)
        case "b64info": try info.readBase64(&scanner)
        case "meta": meta = try scanner.metaField()
        default: try scanner.skipValue()
        }
    }
}

/// The decision about a publication: the result of `publish`.
struct HookPublishFields: JSONMessage {
    private var publish = HookPublish()
    private var data = APIPayload()
    private(set) var meta: [UInt8]?
    static var withoutFields: HookPublishFields { HookPublishFields() }

    func request() -> HookPublish {
        var publish = publish
        publish.data = data.bytes.isEmpty ? nil : data.bytes
        return publish
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "data": try data.readOptionalJSON(&scanner)
        case "b64data": try data.readBase64(&scanner)
        case "drop": publish.isDropped = try scanner.boolField()
        case "skip_history": publish.skipHistory = try scanner.boolField()
        case "tags": publish.tags = try scanner.stringMapField()
        case "idempotency_key": publish.idempotencyKey = try scanner.stringField()
        case "delta": publish.delta = try scanner.boolField()
        case "version": publish.version = try scanner.integerField()
        case "version_epoch": publish.versionEpoch = try scanner.stringField()
        case "meta": meta = try scanner.metaField()
        default: try scanner.skipValue()
        }
    }
}

/// The result of `rpc`, and of `message`, whose data is not used.
struct HookDataFields: JSONMessage {
    private(set) var data = APIPayload()
    private(set) var meta: [UInt8]?
    static var withoutFields: HookDataFields { HookDataFields() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "data": try data.readOptionalJSON(&scanner)
        case "b64data": try data.readBase64(&scanner)
        case "meta": meta = try scanner.metaField()
        default: try scanner.skipValue()
        }
    }
}

extension JSONScanner {
    /// The data that the connection is to carry from now on.
    ///
    /// `null` says nothing about it.
    fileprivate mutating func metaField() throws(MalformedFrame) -> [UInt8]? {
        skipNull() ? nil : try rawField()
    }

    /// Seconds since 1970; 0 never.
    ///
    /// A time before that is a mistake, and must not become "never".
    fileprivate mutating func hookTime() throws(MalformedFrame) -> Int64 {
        let time = try integerField(Int64.self)
        guard time >= 0 else { throw MalformedFrame(reason: "negative time") }
        return time
    }
}
