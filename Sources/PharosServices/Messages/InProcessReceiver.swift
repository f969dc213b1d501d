package import PharosDomain

/// A subscriber inside the process, without a socket.
///
/// It gets the events of a channel like any client. Called on the threads of the shards that own its channels, for one
/// channel always the same, in the order of the channel. Must not block.
package protocol InProcessReceiver: AnyObject, Sendable {
    /// An event of a channel.
    ///
    /// - Returns: whether `wake` is to be called once the shard's turn ends, so that a consumer is woken once for all that
    ///   came in it.
    func received(_ event: InProcessEvent, in channel: ChannelName) -> Bool

    func wake()
}

/// An event of a channel for a subscriber inside the process.
package enum InProcessEvent: Sendable {
    /// From here on nothing is missed. What was recovered follows as publications.
    case live(InProcessStart)
    /// `epoch` is empty in channels without history.
    case publication(Publication, epoch: Epoch)
    /// Publications are missing before the next one: the stream's memory was lost.
    case gap
    /// The subscription has not come about, or is over; nothing follows.
    case ended(ReplyError)
}

/// The start of a subscription inside the process.
package struct InProcessStart: Equatable, Sendable {
    /// Empty in channels without history.
    package var position: StreamPosition
    /// Whether everything after the requested position follows; nil: none was.
    package var recovered: Bool?

    package init(position: StreamPosition = StreamPosition(), recovered: Bool? = nil) {
        self.position = position
        self.recovered = recovered
    }
}

extension ReplyError {
    /// The answer to a request that comes while the server is ending.
    package static let stopping = ReplyError(code: 100, message: "the server is shutting down", isTemporary: true)
}
