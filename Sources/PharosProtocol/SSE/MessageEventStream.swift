package import PharosBytes

/// The client protocol over Server-Sent Events, `/connection/sse`.
///
/// Each message of JSON is one event without a name.
///
/// Commands come beside the stream, by `POST /emulation`.
package enum MessageEventStream {
    /// Appends the first bytes of a stream.
    ///
    /// They make intermediaries send the head at once.
    package static func begin(into writer: inout ByteWriter) {
        writer.jsonLiteral("\r\n")
    }

    /// Appends one message. `json` holds no line break, as all that our encoders write.
    package static func append(_ json: UnsafeRawBufferPointer, into writer: inout ByteWriter) {
        beginMessage(into: &writer)
        writer.append(json)
        endMessage(into: &writer)
    }

    /// Begins a message that is then encoded in place.
    package static func beginMessage(into writer: inout ByteWriter) {
        writer.jsonLiteral("data: ")
    }

    package static func endMessage(into writer: inout ByteWriter) {
        writer.jsonLiteral("\n\n")
    }
}
