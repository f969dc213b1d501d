import PharosDomain
import PharosEdge

/// A session whose output is fetched by polls.
///
/// The output itself is kept by the edge; this records which poll may fetch which part of it.
struct PolledSession {
    struct Waiter {
        var poller: ConnectionID
        var shard: Int
        /// Where the answer begins.
        var from: UInt64
        var deadlineMs: Int64
    }

    var generation: UInt32
    /// The number added to positions in the output to make cursors.
    ///
    /// It differs between sessions, so a cursor of another session of the same client means nothing here.
    let base: UInt64

    /// The base of a cursor.
    static func base(of cursor: UInt64) -> UInt64 { (cursor >> 40) << 40 }

    /// The poll that is to be answered next.
    var waiter: Waiter?
    /// The range that the last answer held: the same cursor brings the same again.
    var answered: (from: UInt64, to: UInt64)?
    /// When the session ends unless it is polled.
    var idleUntilMs: Int64
    /// The session is over; what is left is its last words.
    var isOver = false
    /// The client's key, under which the last words are found too.
    var key: SessionKey
    /// Where the client stands by what its polls have been answered.
    var told: [ChannelName: StreamPosition] = [:]
}
