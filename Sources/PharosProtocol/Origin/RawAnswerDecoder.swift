import PharosBytes
package import PharosDomain

/// Reads what the origin of a raw path said to one event of a connection.
package enum RawAnswerDecoder {
    /// Reads the answer of an origin of websocket-service.
    ///
    /// Such origins answer only with 200; they write to connections by a request of their own.
    package static func decodeWebSocketService(_ answer: HTTPAnswer) -> RawAnswer {
        answer.status == 200 ? .accepted([]) : .failed
    }

    /// Reads an answer in our own form.
    ///
    /// It is an empty body, one message as the body itself, or a JSON object with several.
    ///
    /// - Throws: if the answer is anything else; the connection is then to be closed.
    package static func decode(_ answer: HTTPAnswer) throws(MalformedFrame) -> RawAnswer {
        guard answer.isSuccess, !answer.isEncoded else { throw MalformedFrame(reason: "status") }
        if answer.body.isEmpty { return .accepted([]) }
        if answer.isOf(type: "application/octet-stream") {
            return .accepted([RawMessage(answer.body, isText: false)])
        }
        if answer.isOf(type: "text/plain") {
            guard String(validating: answer.body, as: UTF8.self) != nil else {
                throw MalformedFrame(reason: "text that is not UTF-8")
            }
            return .accepted([RawMessage(answer.body, isText: true)])
        }
        guard answer.isOf(type: "application/json") else { throw MalformedFrame(reason: "content type") }
        return try answer.readBody(several)
    }

    private static func several(_ bytes: UnsafeRawBufferPointer) throws(MalformedFrame) -> RawAnswer {
        var scanner = JSONScanner(bytes)
        let fields = try scanner.message(RawAnswerFields.self)
        try scanner.finish()
        guard let close = fields.close else { return .accepted(fields.messages) }
        return .close(fields.messages, code: close.code, reason: close.reason)
    }
}

private struct RawAnswerFields: JSONMessage {
    var messages: [RawMessage] = []
    var close: RawCloseFields?
    static var withoutFields: RawAnswerFields { RawAnswerFields() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "messages":
            messages = []
            for fields in try scanner.messageListField(RawMessageFields.self) {
                guard let message = fields.message else { throw MalformedFrame(reason: "message without content") }
                messages.append(message)
            }
        case "close":
            close = try scanner.optionalMessage()
            if let close, !close.isAllowed { throw MalformedFrame(reason: "close code") }
        default: try scanner.skipValue()
        }
    }
}

/// `{"text":"…"}` or `{"binary":"<base64>"}`.
private struct RawMessageFields: JSONMessage {
    private(set) var message: RawMessage?
    static var withoutFields: RawMessageFields { RawMessageFields() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "text":
            guard !scanner.skipNull() else { return }
            try set(RawMessage(Array(try scanner.text().string.utf8), isText: true))
        case "binary":
            guard !scanner.skipNull() else { return }
            guard let bytes = Base64.decode(try scanner.text()) else { throw MalformedFrame(reason: "not base64") }
            try set(RawMessage(bytes, isText: false))
        default: try scanner.skipValue()
        }
    }

    private mutating func set(_ other: RawMessage) throws(MalformedFrame) {
        guard message == nil else { throw MalformedFrame(reason: "two contents in one message") }
        message = other
    }
}

private struct RawCloseFields: JSONMessage {
    private(set) var code: UInt16 = 1000
    private(set) var reason = ""
    static var withoutFields: RawCloseFields { RawCloseFields() }

    /// RFC 6455, section 7.4: the others are reserved, or must not be sent.
    ///
    /// A reason has to fit beside its code.
    var isAllowed: Bool {
        let isKnown =
            switch code {
            case 1000...1003, 1007...1014, 3000...4999: true
            default: false
            }
        return isKnown && reason.utf8.count <= 123
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "code": code = try scanner.integer()
        case "reason": reason = try scanner.stringField()
        default: try scanner.skipValue()
        }
    }
}
