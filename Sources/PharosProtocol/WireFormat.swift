/// The two encodings of the client protocol.
///
/// A connection speaks one of them from its first frame to its last.
package enum WireFormat: UInt8, Equatable, Sendable, CaseIterable {
    /// Text frames; messages separated by a newline.
    case json
    /// Binary frames; each message prefixed with its length.
    case protobuf
}
