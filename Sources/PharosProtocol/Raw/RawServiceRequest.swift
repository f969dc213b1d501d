import PharosBytes
package import PharosDomain

/// The body of `POST /sr`.
///
/// It holds the messages that the application wants written to raw connections, and those it wants closed.
///
/// ```json
/// {"OutgoingWebSocketMessages":[{"ConnectionIds":["ADAu…"],"Message":{"Text":"bar"}}],
///  "Close":[{"ConnectionIds":["ADAu…"],"Code":4001,"Reason":"bye"}]}
/// ```
/// `Binary` in place of `Text` is standard base64. Members that are unknown are passed over, `null` counts as absent.
package struct RawServiceRequest: Equatable, Sendable {
    /// One message for any number of connections.
    package struct Outgoing: Equatable, Sendable {
        /// As they came: they may be anything.
        package var connections: [ClientName]
        package var message: RawMessage

        package init(connections: [ClientName], message: RawMessage) {
            self.connections = connections
            self.message = message
        }
    }

    package struct Closing: Equatable, Sendable {
        package var connections: [ClientName]
        package var code: UInt16
        package var reason: String

        package init(connections: [ClientName], code: UInt16 = 1000, reason: String = "") {
            self.connections = connections
            self.code = code
            self.reason = reason
        }
    }

    /// The messages in which exactly one of `Text` and `Binary` is set.
    ///
    /// Others are skipped.
    package var messages: [Outgoing] = []
    package var closings: [Closing] = []

    package init() {}

    package static func decode(_ body: UnsafeRawBufferPointer) throws(MalformedFrame) -> RawServiceRequest {
        var scanner = JSONScanner(body)
        let request = try scanner.message(RawServiceRequest.self)
        try scanner.finish()
        return request
    }
}

extension RawServiceRequest: JSONMessage {
    static var withoutFields: RawServiceRequest { RawServiceRequest() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "OutgoingWebSocketMessages":
            messages = try scanner.messageListField(OutgoingFields.self).compactMap { fields in
                fields.message.map { Outgoing(connections: fields.connections, message: $0) }
            }
        case "Close": closings = try scanner.messageListField(ClosingFields.self).map(\.closing)
        default: try scanner.skipValue()
        }
    }
}

private struct OutgoingFields: JSONMessage {
    var connections: [ClientName] = []
    private var content = ContentFields()
    static var withoutFields: OutgoingFields { OutgoingFields() }

    var message: RawMessage? {
        switch (content.text, content.binary) {
        case (let text?, nil): RawMessage(Array(text.utf8), isText: true)
        case (nil, let bytes?): RawMessage(bytes, isText: false)
        default: nil
        }
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "ConnectionIds": connections = try scanner.stringListField()
        case "Message": content = try scanner.optionalMessage() ?? ContentFields()
        default: try scanner.skipValue()
        }
    }
}

private struct ContentFields: JSONMessage {
    var text: String?
    var binary: [UInt8]?
    static var withoutFields: ContentFields { ContentFields() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "Text": text = scanner.skipNull() ? nil : try scanner.text().string
        case "Binary":
            guard !scanner.skipNull() else {
                binary = nil
                return
            }
            guard let bytes = Base64.decode(try scanner.text()) else { throw MalformedFrame(reason: "not base64") }
            binary = bytes
        default: try scanner.skipValue()
        }
    }
}

private struct ClosingFields: JSONMessage {
    var closing = RawServiceRequest.Closing(connections: [])
    static var withoutFields: ClosingFields { ClosingFields() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "ConnectionIds": closing.connections = try scanner.stringListField()
        case "Code":
            guard !scanner.skipNull() else { return }
            closing.code = try scanner.integer()
            guard RawServiceRequest.mayClose(with: closing.code) else {
                throw MalformedFrame(reason: "Code: 1000 to 1003, 1007 to 1014 or 3000 to 4999")
            }
        case "Reason": closing.reason = try scanner.stringField()
        default: try scanner.skipValue()
        }
    }
}

extension RawServiceRequest {
    /// Whether a close frame may carry the code (RFC 6455, section 7.4).
    package static func mayClose(with code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
