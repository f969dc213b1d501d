package import PharosBytes
package import PharosDomain

/// Writes events of raw connections for origins of websocket-service.
///
/// Absent members are `null`.
package enum WebSocketServiceEncoder {
    /// Ids in one report, as its origins know it.
    package static let keepAliveLimit = 10_000

    package static func encode(_ event: RawEvent, into writer: inout ByteWriter) {
        switch event.kind {
        case .established(let subprotocol):
            begin(event.connection, into: &writer)
            writer.jsonLiteral(#"{"Subprotocol":"#)
            writer.appendJSONString(subprotocol)
            writer.jsonLiteral(#"},"ConnectionClosed":null,"MessageReceived":null"#)
        case .message(let data, let isText):
            begin(event.connection, into: &writer)
            writer.jsonLiteral(#"null,"ConnectionClosed":null,"MessageReceived":{"Binary":"#)
            if isText {
                writer.jsonLiteral(#"null,"Text":"#)
                writer.appendJSONString(String(decoding: data, as: UTF8.self))
            } else {
                writer.appendJSONString(Base64.encode(data))
                writer.jsonLiteral(#","Text":null"#)
            }
            writer.append(UInt8(ascii: "}"))
        }
        end(into: &writer)
    }

    package static func encodeClosed(_ connection: ClientName, into writer: inout ByteWriter) {
        begin(connection, into: &writer)
        writer.jsonLiteral(#"null,"ConnectionClosed":{},"MessageReceived":null"#)
        end(into: &writer)
    }

    package static func encodeKeepAlive(_ connections: some Collection<ClientName>, into writer: inout ByteWriter) {
        writer.jsonLiteral(#"{"WebSocketEvent":null,"WebSocketKeepAlives":["#)
        for connection in connections {
            writer.nextJSONElement()
            writer.jsonLiteral(#"{"ConnectionId":"#)
            writer.appendJSONString(connection)
            writer.append(UInt8(ascii: "}"))
        }
        writer.jsonLiteral("]}")
    }

    private static func begin(_ connection: ClientName, into writer: inout ByteWriter) {
        writer.jsonLiteral(#"{"WebSocketEvent":{"ConnectionId":"#)
        writer.appendJSONString(connection)
        writer.jsonLiteral(#","ConnectionEstablished":"#)
    }

    private static func end(into writer: inout ByteWriter) {
        writer.jsonLiteral(#"},"WebSocketKeepAlives":null}"#)
    }
}
