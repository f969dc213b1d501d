import PharosDomain
import PharosEdge

/// A poll of a session, on its way to the session's shard.
struct SessionPollOrder: Sendable {
    var session: ConnectionID
    var poller: ConnectionID
    var shard: Int
    /// nil: the first poll.
    var cursor: UInt64?
    /// The user of the poll, where something other than the key names it.
    var user: UserID?
    var waitMs: Int64
    /// Commands as lines; maybe none.
    var body: [UInt8]
}

/// The answer to a `SessionPollOrder`.
struct SessionPollAnswer: Sendable {
    var status: Int
    var body: [UInt8]
}
