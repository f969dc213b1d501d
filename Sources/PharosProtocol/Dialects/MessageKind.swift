/// Whether a message is text or may be any bytes.
package enum MessageKind: UInt8, Hashable, Sendable {
    case text
    case binary
}
