import PharosDomain

/// A channel whose messages are reported to relays of this node.
struct Follow {
    /// The one subscription of its live subject.
    let subscription: UInt64
    var relays: [Int]
    /// Nil for a channel without history.
    var retention: StreamRetention?
    /// The stream that has the history; nil for a channel without.
    var stream: StreamID?
    /// The sequence of the last stored message that came.
    var lastSequence: UInt64 = 0
}
