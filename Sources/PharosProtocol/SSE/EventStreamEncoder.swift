package import PharosBytes
package import PharosDomain

/// Writes the event stream of `GET /events` (WHATWG HTML, section 9.2.5).
///
/// A channel's events are the same bytes for all clients of one form whose ids are the same: encode once, then share.
/// `id` is a cursor (`PositionCursor`); with an empty one no `id:` line is written, and the client keeps the last.
package struct EventStreamEncoder: Sendable {
    package let form: EventStreamForm

    package init(_ form: EventStreamForm) {
        self.form = form
    }

    /// Appends the event of one publication.
    ///
    /// What arrives is exactly the payload, line breaks included.
    ///
    /// - Parameter isJSON: whether `payload` is JSON. A carriage return there is white space between tokens, and becomes a
    ///   space in the form `named`.
    package func publication(
        channel: ChannelName, _ payload: [UInt8], isJSON: Bool, id: String, into writer: inout ByteWriter
    ) throws(EventStreamError) {
        try payload.withUnsafeBufferPointer { payload throws(EventStreamError) in
            let payload = UnsafeRawBufferPointer(payload)
            switch form {
            case .named: try named(channel, payload, isJSON, id, &writer)
            case .array: try array(channel, payload, id, &writer)
            }
        }
    }

    private func named(
        _ channel: ChannelName, _ payload: UnsafeRawBufferPointer, _ isJSON: Bool, _ id: String,
        _ writer: inout ByteWriter
    ) throws(EventStreamError) {
        guard !channel.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { throw .channelHasLineBreak }
        guard payload.isUTF8 else { throw .payloadIsNotText }
        guard isJSON || !payload.contains(0x0D) else { throw .payloadHasCarriageReturn }
        writer.jsonLiteral("event: ")
        writer.append(channel)
        writer.append(UInt8(ascii: "\n"))
        writer.appendEventID(id)
        writer.appendEventData(payload)
        writer.append(UInt8(ascii: "\n"))
    }

    private func array(
        _ topic: ChannelName, _ text: UnsafeRawBufferPointer, _ id: String, _ writer: inout ByteWriter
    ) throws(EventStreamError) {
        guard text.isUTF8 else { throw .payloadIsNotText }
        writer.appendEventID(id)
        writer.jsonLiteral("data: [")
        _ = writer.appendJSONString(Array(topic.utf8), escapesMarkup: true)
        writer.append(UInt8(ascii: ","))
        _ = writer.appendJSONString(text, escapesMarkup: true)
        writer.jsonLiteral("]\n\n")
    }

    /// Appends the first message.
    package func info(_ info: EventStreamInfo, id: String, into writer: inout ByteWriter) {
        var text = ByteWriter()
        text.jsonFields(info, form: form)
        message("/unifrost/info", text, id: id, into: &writer)
    }

    /// Appends an error.
    ///
    /// - Parameter id: of the event that the error stands for, so that it is not sent again after a reconnect; "" none.
    package func failure(_ failure: EventStreamFailure, id: String = "", into writer: inout ByteWriter) {
        var text = ByteWriter()
        text.jsonFields(failure)
        message("/unifrost/error", text, id: id, into: &writer)
    }

    /// Appends a message to the reader itself, in no channel.
    ///
    /// `{"message":…}`, or text in the form `array`.
    ///
    /// - Throws: `payloadIsNotText` for what this form cannot carry, with nothing written.
    package func message(
        _ payload: [UInt8], isJSON: Bool, into writer: inout ByteWriter
    ) throws(EventStreamError) {
        let isText = payload.withUnsafeBytes { $0.isUTF8 }
        guard form == .named ? isJSON : isText else { throw .payloadIsNotText }
        var text = ByteWriter()
        if form == .named {
            text.beginJSONObject()
            text.jsonField("message", raw: payload)
            text.endJSONObject()
        } else {
            text.append(payload)
        }
        message("/unifrost/message", text, id: "", into: &writer)
    }

    /// Appends the last message.
    package func closed(into writer: inout ByteWriter) {
        var text = ByteWriter()
        text.jsonLiteral("Client closed")
        message("/unifrost/closed", text, id: "", into: &writer)
    }

    /// A message of the server itself.
    ///
    /// It has no event name, or in the form `array` a topic that no channel has.
    private func message(
        _ topic: ChannelName, _ text: borrowing ByteWriter, id: String, into writer: inout ByteWriter
    ) {
        text.withBytes { bytes in
            switch form {
            case .named:
                writer.appendEventID(id)
                writer.appendEventData(bytes)
                writer.append(UInt8(ascii: "\n"))
            case .array:
                // Text of our own making is UTF-8.
                try? array(topic, bytes, id, &writer)
            }
        }
    }

    /// Appends how long the client waits before it comes back.
    package static func retry(milliseconds: Int, into writer: inout ByteWriter) {
        writer.jsonLiteral("retry: ")
        writer.appendDecimal(milliseconds)
        writer.append(UInt8(ascii: "\n"))
    }

    /// Appends a comment, which no page ever sees.
    ///
    /// It shows intermediaries and the socket that the stream lives.
    package static func comment(into writer: inout ByteWriter) {
        writer.jsonLiteral(":\n\n")
    }
}

extension ByteWriter {
    fileprivate mutating func appendEventID(_ id: String) {
        guard !id.isEmpty else { return }
        jsonLiteral("id: ")
        append(id)
        append(UInt8(ascii: "\n"))
    }

    /// A `data:` line for each line of `text`.
    ///
    /// The reader joins them with the line feeds that were there.
    mutating func appendEventData(_ text: UnsafeRawBufferPointer) {
        reserve(text.count + 7)
        jsonLiteral("data: ")
        var start = 0
        for index in 0..<text.count where text[index] == 0x0A || text[index] == 0x0D {
            append(UnsafeRawBufferPointer(rebasing: text[start..<index]))
            if text[index] == 0x0A { jsonLiteral("\ndata: ") } else { append(UInt8(ascii: " ")) }
            start = index + 1
        }
        append(UnsafeRawBufferPointer(rebasing: text[start...]))
        append(UInt8(ascii: "\n"))
    }

    fileprivate mutating func jsonFields(_ info: EventStreamInfo, form: EventStreamForm) {
        beginJSONObject()
        beginJSONObject("config")
        jsonField("client_id", string: info.clientID)
        jsonName("client_ttl_millis")
        appendDecimal(info.clientTTLMs)
        if form == .array {
            // Pages written for this form know a client by the name of consumer.
            jsonField("consumer_id", string: info.clientID)
            jsonName("consumer_ttl_millis")
            appendDecimal(info.clientTTLMs)
        }
        endJSONObject()
        beginJSONArray("subscriptions")
        for subscription in info.subscriptions {
            nextJSONElement()
            appendJSONString(subscription.channel)
        }
        endJSONArray()
        beginJSONObject("recovered")
        for subscription in info.subscriptions {
            guard let recovered = subscription.recovered else { continue }
            jsonKey(subscription.channel)
            jsonLiteral(recovered ? "true" : "false")
        }
        endJSONObject()
        endJSONObject()
    }

    fileprivate mutating func jsonFields(_ failure: EventStreamFailure) {
        beginJSONObject()
        beginJSONObject("error")
        jsonField("code", string: failure.code)
        jsonField("message", string: failure.message)
        jsonField("topic", string: failure.topic)
        endJSONObject()
        endJSONObject()
    }
}
