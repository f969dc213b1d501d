package import PharosBytes
package import PharosDomain

/// One line of the dead-letter log.
///
/// It is an event that its origin never acknowledged, as JSON with a line feed at its end.
package enum DeadLetterLine {
    /// - Parameters:
    ///   - origin: which of them should have heard of it.
    ///   - movedAtMs: milliseconds since 1970, as all times in the line.
    package static func encode(
        _ event: NumberedEvent, origin: OriginName, node: String, movedAtMs: Int64, into writer: inout ByteWriter
    ) {
        let (sequence, event) = (event.sequence, event.event)
        writer.append(UInt8(ascii: "{"))
        writer.jsonField("sequence", unsigned: sequence)
        writer.jsonField("kind", string: event.kind.rawValue)
        writer.jsonField("to", string: origin)
        writer.jsonField("node", string: node)
        writer.jsonField("buried_at", signed: movedAtMs)
        writer.jsonField("at", signed: event.atMs)
        writer.jsonField("client", string: event.client)
        writer.jsonField("user", string: event.user)
        writer.jsonField("channel", string: event.channel)
        writer.jsonField("transport", string: event.transport)
        writer.jsonField("code", unsigned: UInt64(event.code))
        writer.jsonField("reason", string: event.reason)
        writer.jsonField("meta", checked: event.meta)
        writer.append(UInt8(ascii: "}"))
        writer.append(UInt8(ascii: "\n"))
    }
}
