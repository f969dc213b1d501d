/// All that decides which bytes a subscriber gets.
///
/// Subscribers of a channel with equal keys share a lane.
package struct LaneKey: Hashable, Sendable {
    package enum Delta: UInt8, Hashable, Sendable {
        /// Every publication goes whole.
        case none
        /// Asked for differences and has nothing yet to which one could be applied.
        case fresh
        /// Has the publication before.
        case following
    }

    /// Number of the dialect in its table.
    package var dialect: UInt8
    /// Which of the dialect's forms; see `ClientDialect.encodePublication`.
    package var form: UInt8
    package var framing: TransportFraming
    /// Bits of the window for compression, 9 to 15; 0 none (RFC 7692, section 7.1.2).
    package var windowBits: UInt8
    /// Of streams: the client speaks HTTP/1.0, so that nothing is put into chunks.
    package var isUnchunked: Bool
    package var receivesJoinLeave: Bool
    package var delta: Delta
    /// Each subscriber gets bytes of its own from its conversation.
    package var hasOwnBytes: Bool

    package init(
        dialect: UInt8, form: UInt8 = 0, framing: TransportFraming, windowBits: UInt8 = 0, isUnchunked: Bool = false,
        receivesJoinLeave: Bool = false, delta: Delta = .none, hasOwnBytes: Bool = false
    ) {
        self.dialect = dialect
        self.form = form
        self.framing = framing
        self.windowBits = windowBits
        self.isUnchunked = isUnchunked
        self.receivesJoinLeave = receivesJoinLeave
        self.delta = delta
        self.hasOwnBytes = hasOwnBytes
    }
}
