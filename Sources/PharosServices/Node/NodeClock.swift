import PharosDomain

/// A node's clock, as its sign of life tells it; for `pharos doctor`.
package struct NodeClock: Equatable, Sendable {
    package var name: String
    /// Milliseconds since 1970.
    package var wallMs: Int64

    /// nil for a message that is no sign of life, or that of an older node.
    package init?(_ message: [UInt8]) {
        guard let frame = try? NodeFrame.decode(message), case .heartbeat(let heartbeat) = frame.content,
            heartbeat.wallMs > 0
        else { return nil }
        (name, wallMs) = (heartbeat.name.text, heartbeat.wallMs)
    }
}
