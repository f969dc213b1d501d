package import PharosDomain

/// Reads an origin's answer to a question.
///
/// It has exactly one of `result`, `error` and `disconnect`.
///
/// `null` stands for nothing and unknown fields are ignored; a known field of another type makes the whole answer nonsense.
package enum HookAnswerDecoder {
    /// Reads the answer to a question of that kind.
    ///
    /// - Throws: if this is no answer to a question of this kind. Then the client is to get `HookOutcome.unavailable`.
    package static func decode(
        _ body: UnsafeRawBufferPointer, for kind: HookKind
    ) throws(MalformedFrame) -> HookOutcome {
        var scanner = JSONScanner(body)
        var outcome: HookOutcome?
        try scanner.beginObject()
        while let field = try scanner.nextMember() {
            let answer: HookOutcome
            switch field {
            case "result":
                guard !scanner.skipNull() else { continue }
                answer = try result(&scanner, kind)
            case "error":
                guard !scanner.skipNull() else { continue }
                answer = try scanner.message(HookErrorFields.self).outcome(for: kind)
            case "disconnect":
                guard !scanner.skipNull() else { continue }
                answer = try scanner.message(HookDisconnectFields.self).outcome(for: kind)
            default:
                try scanner.skipValue()
                continue
            }
            guard outcome == nil else { throw MalformedFrame(reason: "more than one answer") }
            outcome = answer
        }
        try scanner.finish()
        guard let outcome else { throw MalformedFrame(reason: "no answer") }
        return outcome
    }

    private static func result(
        _ scanner: inout JSONScanner, _ kind: HookKind
    ) throws(MalformedFrame) -> HookOutcome {
        switch kind {
        case .handshake, .connect:
            let fields = try scanner.message(HookConnectFields.self)
            let claims = fields.request()
            return .granted(
                kind == .connect ? .connect(claims, data: fields.data.bytes) : .handshake(claims), meta: fields.meta)
        case .refresh, .subRefresh:
            let fields = try scanner.message(HookRefreshFields.self)
            let refresh = fields.request()
            return .granted(kind == .refresh ? .refresh(refresh) : .subRefresh(refresh), meta: fields.meta)
        case .subscribe:
            let fields = try scanner.message(HookSubscriptionFields.self)
            return .granted(.subscribe(fields.request()), meta: fields.meta)
        case .publish:
            let fields = try scanner.message(HookPublishFields.self)
            return .granted(.publish(fields.request()), meta: fields.meta)
        case .rpc:
            let fields = try scanner.message(HookDataFields.self)
            return .granted(.rpc(data: fields.data.bytes), meta: fields.meta)
        case .message:
            let fields = try scanner.message(HookDataFields.self)
            return .granted(.message, meta: fields.meta)
        }
    }
}

struct HookErrorFields: JSONMessage {
    private var error = ReplyError(code: 0, message: "")
    static var withoutFields: HookErrorFields { HookErrorFields() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "code": error.code = try scanner.integerField()
        case "message": error.message = try scanner.stringField()
        case "temporary": error.isTemporary = try scanner.boolField()
        default: try scanner.skipValue()
        }
    }

    /// The outcome that the answer means for a question of that kind.
    ///
    /// In a handshake there is no command that could fail: the refusal becomes a status.
    func outcome(for kind: HookKind) throws(MalformedFrame) -> HookOutcome {
        // Smaller codes mean something between a client's SDK and its program.
        guard error.code >= 100 else { throw MalformedFrame(reason: "code of an error") }
        guard kind == .handshake else { return .refused(error) }
        if error.isTemporary { return .refused(error) }
        return .status(error.code == ReplyError.unauthorized.code ? 401 : 403)
    }
}

struct HookDisconnectFields: JSONMessage {
    private var disconnect = Disconnect(code: 0, reason: "")
    static var withoutFields: HookDisconnectFields { HookDisconnectFields() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "code": disconnect.code = try scanner.integerField()
        case "reason": disconnect.reason = try scanner.stringField()
        default: try scanner.skipValue()
        }
    }

    func outcome(for kind: HookKind) throws(MalformedFrame) -> HookOutcome {
        guard (3000...4999).contains(disconnect.code) else { throw MalformedFrame(reason: "code of a disconnect") }
        return kind == .handshake ? .status(403) : .disconnect(disconnect)
    }
}
