import PharosDomain
import PharosEdge

/// A poll of a session, on its way to the session's shard.
struct SessionPollOrder: Sendable {
    var session: ConnectionID
    var poller: ConnectionID
    var shard: Int
    /// nil: the first poll.
    var cursor: UInt64?
    /// Who the poll is from, where something other than the key says so.
    var user: UserID?
    var waitMs: Int64
    /// Commands as lines; maybe none.
    var body: [UInt8]
}

/// The way back.
struct SessionPollAnswer: Sendable {
    var status: Int
    var body: [UInt8]
}
