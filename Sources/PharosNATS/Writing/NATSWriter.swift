package import PharosBytes

/// Writes the messages of a client (NATS client protocol).
///
/// Each argument is checked first: nothing that is passed in can end a line or begin another message. After an error
/// the bytes are as they were before.
package struct NATSWriter: ~Copyable {
    /// Bytes of the longest line with its CR LF, but for CONNECT.
    ///
    /// `max_control_line` of a server without configuration.
    package static let lineLimit = 4_096

    package var bytes: ByteWriter

    package init(capacity: Int = 256) { bytes = ByteWriter(capacity: capacity) }

    package mutating func ping() { bytes.append("PING\r\n" as StaticString) }

    package mutating func pong() { bytes.append("PONG\r\n" as StaticString) }

    /// SUB.
    package mutating func subscribe(
        _ subscription: UInt64, to subject: String, queue: String? = nil
    ) throws(NATSOrderError) {
        guard NATSSubject.isSubscribable(subject) else { throw .invalidSubject }
        if let queue, !NATSSubject.isArgument(queue) { throw .invalidQueue }
        let start = bytes.count
        bytes.append("SUB " as StaticString)
        bytes.append(subject)
        if let queue { appendArgument(queue) }
        appendNumber(subscription)
        try endLine(from: start)
    }

    /// UNSUB, at once or when `maximum` messages have come since SUB.
    package mutating func unsubscribe(_ subscription: UInt64, after maximum: UInt64? = nil) {
        bytes.append("UNSUB" as StaticString)
        appendNumber(subscription)
        if let maximum { appendNumber(maximum) }
        appendLineEnd()
    }

    mutating func appendArgument(_ text: String) {
        bytes.append(UInt8(ascii: " "))
        bytes.append(text)
    }

    mutating func appendNumber(_ number: UInt64) {
        bytes.append(UInt8(ascii: " "))
        bytes.appendDecimal(number)
    }

    mutating func appendLineEnd() {
        bytes.append(0x0D)
        bytes.append(0x0A)
    }

    /// Ends the line that began at `start`; takes it back if it is too long.
    mutating func endLine(from start: Int) throws(NATSOrderError) {
        appendLineEnd()
        guard bytes.count - start > NATSWriter.lineLimit else { return }
        bytes.truncate(to: start)
        throw .lineTooLong
    }
}
