package import PharosBytes
package import PharosDomain

/// The body of a raw connection's event in our own form.
///
/// A message is the body itself.
package enum RawEventEncoder {
    /// Returns the content type of what it writes.
    package static func encode(_ event: RawEvent, facts: RequestFacts, into writer: inout ByteWriter) -> String {
        switch event.kind {
        case .established(let subprotocol):
            writer.beginJSONObject()
            writer.jsonAlways("connection", event.connection)
            writer.jsonAlways("subprotocol", subprotocol)
            writer.jsonField("request", facts: facts)
            writer.endJSONObject()
            return "application/json"
        case .message(let data, let isText):
            writer.append(data)
            return isText ? "text/plain;charset=utf-8" : "application/octet-stream"
        }
    }
}
