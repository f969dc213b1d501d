package import PharosDomain

/// Reads the body of a server API call.
///
/// Every error says in its message which field is wrong; code 107 unless stated otherwise. An empty body counts as `{}`.
/// Fields that are unknown are checked and ignored, and of fields that come twice the last counts.
package enum APIRequestDecoder {
    /// The call `POST /api/<method>` with `body`.
    /// - Throws: 104 for an unknown method, 108 for one that Pharos declines, 107 for a body that is not what it needs.
    package static func decode(
        method: MethodName, body: UnsafeRawBufferPointer
    ) throws(ReplyError) -> APIRequest {
        // Verbs without required fields may be called without a body.
        let emptyObject: StaticString = "{}"
        let body = body.isEmpty ? UnsafeRawBufferPointer(start: emptyObject.utf8Start, count: 2) : body
        var scanner = JSONScanner(body)
        guard let request = try ServerAPI.read(method, &scanner) else {
            throw ServerAPI.isDeclined(method) ? .notAvailable : .methodNotFound
        }
        try scanner.finishAPIBody()
        return request
    }

    /// The old form `POST /api`, where the body is `{"method":…,"params":{…}}`.
    package static func decodeEnvelope(_ body: UnsafeRawBufferPointer) throws(ReplyError) -> APIRequest {
        var scanner = JSONScanner(body)
        let envelope = try scanner.apiFields(Envelope.self)
        try scanner.finishAPIBody()
        guard !envelope.method.isEmpty else { throw .badRequest("method is required") }
        return try decode(method: envelope.method, body: envelope.params)
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
}

extension ReplyError {
    /// 107 with a reason. The reason names fields and never holds their values.
    package static func badRequest(_ reason: String) -> ReplyError {
        ReplyError(code: ReplyError.badRequest.code, message: "bad request: \(reason)")
    }
}

extension Identifier {
    /// - Throws: 107 for a parameter that is missing or empty.
    func required(_ name: String) throws(ReplyError) {
        if isEmpty { throw .badRequest("\(name) is required") }
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

    /// The parameters of a verb that takes the name of a channel and nothing more.
    mutating func apiChannel() throws(ReplyError) -> ChannelName {
        let channel = try apiFields(JSONChannelOnly.self).channel
        try channel.required("channel")
        return channel
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
    /// The name as an error message may show it.
    ///
    /// Names of the protocol's form are shown as they are, all others as "a field".
    fileprivate var printableName: String {
        let isPlain = raw.allSatisfy { $0 == 0x5F || (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        return isPlain && raw.count <= 20 ? (try? string) ?? "a field" : "a field"
    }
}
