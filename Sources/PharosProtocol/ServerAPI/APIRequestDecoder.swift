package import PharosDomain

/// Reads the body of a server API call.
///
/// Every error says in its message which field is wrong; code 107 unless stated otherwise. An empty body counts as `{}`.
/// Fields that are unknown are checked and ignored, and of fields that come twice the last counts.
package enum APIRequestDecoder {
    /// Commands in one batch.
    package static let batchLimit = 10_000

    /// The call `POST /api/<method>` with `body`.
    /// - Throws: 104 for an unknown method, 108 for one that Pharos declines, 107 for a body that is not what it needs.
    package static func decode(
        method: MethodName, body: UnsafeRawBufferPointer
    ) throws(ReplyError) -> APIRequest {
        guard let known = APIMethod(named: method) else {
            throw APIMethod.isDeclined(method) ? .notAvailable : .methodNotFound
        }
        return try decode(known, body: body)
    }

    /// The old form `POST /api`, where the body is `{"method":…,"params":{…}}`.
    package static func decodeEnvelope(_ body: UnsafeRawBufferPointer) throws(ReplyError) -> APIRequest {
        var scanner = JSONScanner(body)
        let envelope = try scanner.apiFields(Envelope.self)
        try scanner.finishAPIBody()
        guard !envelope.method.isEmpty else { throw .badRequest("method is required") }
        return try decode(method: envelope.method, body: envelope.params)
    }

    /// The same for a method already known: publishing does not look it up again.
    package static func decode(
        _ method: APIMethod, body: UnsafeRawBufferPointer
    ) throws(ReplyError) -> APIRequest {
        // Methods without required fields may be called without a body.
        let emptyObject: StaticString = "{}"
        let body = body.isEmpty ? UnsafeRawBufferPointer(start: emptyObject.utf8Start, count: 2) : body
        var scanner = JSONScanner(body)
        let request = method == .batch ? try batch(&scanner) : try request(method, &scanner)
        try scanner.finishAPIBody()
        return request
    }

    /// Reads the parameters of any method but `batch`.
    private static func request(
        _ method: APIMethod, _ scanner: inout JSONScanner
    ) throws(ReplyError) -> APIRequest {
        switch method {
        case .publish:
            let publish = try scanner.apiFields(APIPublishFields.self).request()
            try require(publish.channel, "channel")
            guard !publish.data.isEmpty else { throw .badRequest("data is required") }
            return .publish(publish)
        case .broadcast:
            let broadcast = try scanner.apiFields(APIBroadcastFields.self).request()
            guard !broadcast.channels.isEmpty else { throw .badRequest("channels is required") }
            return .broadcast(broadcast)
        case .subscribe:
            let subscribe = try scanner.apiFields(APISubscribeFields.self).request()
            try require(subscribe.channel, "channel")
            try require(subscribe.target, "client, session, user")
            return .subscribe(subscribe)
        case .unsubscribe:
            let unsubscribe = try scanner.apiFields(APIUnsubscribe.self)
            try require(unsubscribe.channel, "channel")
            try require(unsubscribe.target, "client, session, user, all")
            try checkAll(unsubscribe.target)
            return .unsubscribe(unsubscribe)
        case .disconnect:
            let disconnect = try scanner.apiFields(APIDisconnect.self)
            try require(disconnect.target, "client, session, user, channel, all")
            try checkAll(disconnect.target)
            return .disconnect(disconnect)
        case .refresh:
            let refresh = try scanner.apiFields(APIRefreshFields.self).request()
            try require(refresh.target, "client, session, user")
            return .refresh(refresh)
        case .presence: return .presence(channel: try channel(&scanner))
        case .presenceStats: return .presenceStats(channel: try channel(&scanner))
        case .history:
            let history = try scanner.apiFields(APIHistory.self)
            try require(history.channel, "channel")
            return .history(history)
        case .historyRemove: return .historyRemove(channel: try channel(&scanner))
        case .channels: return .channels(try scanner.apiFields(APIChannels.self))
        case .info:
            _ = try scanner.apiFields(JSONEmpty.self)
            return .info
        case .rpc:
            let call = try scanner.apiFields(APICallFields.self)
            try require(call.method, "method")
            return .rpc(method: call.method, params: call.params)
        case .send: return .send(try scanner.apiFields(APISendFields.self).request())
        case .connections: return .connections(try scanner.apiFields(APIConnections.self))
        case .batch:
            throw .methodNotFound
        }
    }

    private static func channel(_ scanner: inout JSONScanner) throws(ReplyError) -> ChannelName {
        let channel = try scanner.apiFields(JSONChannelOnly.self).channel
        try require(channel, "channel")
        return channel
    }

    private static func require<Kind>(_ value: Identifier<Kind>, _ name: String) throws(ReplyError) {
        if value.isEmpty { throw .badRequest("\(name) is required") }
    }

    /// A call that names nobody is a mistake: answered with success, it would pass for done.
    static func require(_ target: APITarget, _ names: String) throws(ReplyError) {
        if target.isEmpty { throw .badRequest("one of \(names) is required") }
    }

    private static func batch(_ scanner: inout JSONScanner) throws(ReplyError) -> APIRequest {
        let fields = try scanner.apiFields(BatchFields.self)
        guard fields.hasCommands else { throw .badRequest("commands is required") }
        return .batch(fields.commands, parallel: fields.parallel)
    }

    /// One command of a batch. What is wrong with it alone is its own failure; what is no JSON fails the whole.
    private static func batchCommand(
        _ scanner: inout JSONScanner
    ) throws(MalformedFrame) -> Result<APIRequest, ReplyError> {
        let start = scanner
        if scanner.skipNull() { return .failure(.badRequest) }
        do throws(ReplyError) {
            return .success(try namedCommand(&scanner))
        } catch {
            scanner = start
            try scanner.skipValue()
            return .failure(error)
        }
    }

    /// `{"publish":{…}}`, or any other method but `batch`.
    private static func namedCommand(_ scanner: inout JSONScanner) throws(ReplyError) -> APIRequest {
        var command: APIRequest?
        var isDeclined = false
        do {
            try scanner.beginObject()
            while let field = try scanner.nextMember() {
                let name: MethodName = (try? field.name()) ?? ""
                if let method = APIMethod(named: name), method != .batch {
                    guard command == nil else { throw ReplyError.badRequest("two methods in one command") }
                    command = try request(method, &scanner)
                } else {
                    isDeclined = isDeclined || APIMethod.isDeclined(name)
                    try scanner.skipValue()
                }
            }
        } catch let error as ReplyError {
            throw error
        } catch {
            throw .badRequest
        }
        guard let command else { throw isDeclined ? .notAvailable : .methodNotFound }
        return command
    }

    private struct Envelope: JSONMessage {
        var method: MethodName = ""
        var params = UnsafeRawBufferPointer(start: nil, count: 0)
        static var withoutFields: Envelope { Envelope() }

        mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
            switch field {
            case "method": method = try scanner.stringField()
            case "params": if !scanner.skipNull() { params = try scanner.skipValue() }
            default: try scanner.skipValue()
            }
        }
    }

    private struct BatchFields: JSONMessage {
        var commands: [Result<APIRequest, ReplyError>] = []
        var hasCommands = false
        var parallel = false
        static var withoutFields: BatchFields { BatchFields() }

        mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
            switch field {
            case "commands":
                commands.removeAll()
                hasCommands = true
                try scanner.beginArray()
                while try scanner.nextElement() {
                    guard commands.count < batchLimit else { throw MalformedFrame(reason: "more than \(batchLimit)") }
                    commands.append(try batchCommand(&scanner))
                }
            case "parallel": parallel = try scanner.boolField()
            default: try scanner.skipValue()
            }
        }
    }
}

extension ReplyError {
    /// 107 with a reason. The reason names fields and never holds their values.
    package static func badRequest(_ reason: String) -> ReplyError {
        ReplyError(code: ReplyError.badRequest.code, message: "bad request: \(reason)")
    }
}

extension JSONScanner {
    /// One object of the server API; an error names the field it was met in.
    mutating func apiFields<Fields: JSONMessage>(
        _ type: Fields.Type
    ) throws(ReplyError) -> Fields {
        var fields = Fields.withoutFields
        do {
            try beginObject()
        } catch {
            throw .badRequest(error.reason)
        }
        while true {
            let field: JSONText?
            do {
                field = try nextMember()
            } catch {
                throw .badRequest(error.reason)
            }
            guard let field else { return fields }
            do {
                try fields.read(field, from: &self)
            } catch {
                throw .badRequest("\(field.printableName): \(error.reason)")
            }
        }
    }

    mutating func finishAPIBody() throws(ReplyError) {
        do {
            try finish()
        } catch {
            throw .badRequest(error.reason)
        }
    }
}

extension JSONText {
    /// The name as an error message may show it: names of the protocol as they are, all others as "a field".
    fileprivate var printableName: String {
        let isPlain = raw.allSatisfy { $0 == 0x5F || (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        return isPlain && raw.count <= 20 ? (try? string) ?? "a field" : "a field"
    }
}
