/// Bytes from a peer that are no messages of the protocol.
package struct MalformedFrame: Error, Equatable, Sendable {
    /// The fault, for the log. It never holds any part of the frame.
    package var reason: String

    package init(reason: String) {
        self.reason = reason
    }
}
