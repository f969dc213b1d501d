package import PharosHTTP2

/// The settings of one shard's event loop.
package struct EdgeConfiguration: Sendable {
    package var address = "127.0.0.1"
    package var port: UInt16 = 8000
    package var backlog = 4_096
    /// Connections of this shard.
    package var connectionCapacity = 20_000
    /// Detached connections of this shard.
    package var detachedLimit = 100_000
    /// The bounds of HTTP/2; nil: it is not spoken.
    package var http2: HTTP2Limits?
    /// Streams of HTTP/2 of this shard, all connections together.
    package var carriedLimit = 20_000
    /// Bytes of one client message, fragments together.
    package var messageSizeLimit = 65_536
    /// Bytes of a request's head.
    package var headSizeLimit = 16_384
    /// Whence TLS connections get their certificate; nil: there are none.
    package var tlsContexts: (any TLSContextSource)?
    /// The most TLS connections of this shard whose handshake is not done.
    ///
    /// Beyond it the oldest make room.
    package var handshakeLimit = 1_024
    /// Milliseconds in which a request's head must arrive.
    ///
    /// They include the TLS handshake in front of the first.
    package var headTimeoutMs: Int64 = 10_000
    /// Milliseconds in which a request's body must arrive.
    package var bodyTimeoutMs: Int64 = 30_000
    /// Milliseconds a connection may idle between two requests.
    package var idleTimeoutMs: Int64 = 75_000
    /// Milliseconds of idling after which a connection may have to make room.
    ///
    /// It is ended only when a new one needs its slot.
    package var reclaimAfterMs: Int64 = 1_000
    /// Milliseconds the last bytes may take to leave.
    package var writeTimeoutMs: Int64 = 1_000
    /// Time between two rounds of housekeeping.
    package var tickIntervalMs: Int64 = 1_000
    /// Milliseconds a peer is given to answer our close frame.
    package var closeTimeoutMs: Int64 = 5_000
    /// Units of work that one connection's input may take in a turn: see `Edge.spend`.
    package var inputSlice = 131_072
    /// Units of work in a turn for all input together that waits from earlier turns.
    package var backlogSlice = 262_144
    /// Output bytes a connection may have waiting after a turn's send.
    package var outputLimit = 1_048_576
    /// Whether permessage-deflate is agreed on with clients that offer it (RFC 7692).
    package var compression = false
    /// Bytes from which on a message is compressed; shorter ones gain nothing.
    package var compressionMinSize = 256
    /// 1 (fast) to 9 (small).
    package var compressionLevel = 1
    /// Bounds the waiting output of all shards together.
    ///
    /// nil: no bound but each connection's.
    package var outputTotal: OutputTotal?
    /// Bounds the bodies that are being read on all shards together.
    ///
    /// nil: no bound but each body's.
    package var bodyBudget: BodyBudget?
    /// The processor to pin the thread to; nil: none.
    package var processor: Int?

    package init() {}
}

/// The figures that a shard's edge has counted since its start.
///
/// One shard's, read on its own thread.
package struct EdgeCounters: Sendable {
    package var accepted: UInt64 = 0
    package var acceptErrors: UInt64 = 0
    /// Completed TLS handshakes, and those that resumed an earlier session.
    package var handshakes: UInt64 = 0
    package var handshakesResumed: UInt64 = 0
    /// TLS handshakes that failed, and those that found no room.
    package var handshakesFailed: UInt64 = 0
    package var handshakesRefused: UInt64 = 0
    /// HTTP/2 connections that were begun, and the streams on them.
    package var http2Accepted: UInt64 = 0
    package var streamsOpened: UInt64 = 0
    /// Streams that there was no room for.
    package var streamsRefused: UInt64 = 0
    /// HTTP/2 connections that have ended in order, by `HTTP2End`.
    package var http2Ended = [UInt64](repeating: 0, count: HTTP2End.allCases.count + 1)
    /// Idle connections that were ended because new ones needed their slots.
    package var reclaimed: UInt64 = 0
    package var messagesReceived: UInt64 = 0
    package var bytesReceived: UInt64 = 0
    package var messagesSent: UInt64 = 0
    package var bytesSent: UInt64 = 0
    package var sends: UInt64 = 0
    /// How often input had to wait for the next turn.
    ///
    /// It had taken its share of one.
    package var inputsSetAside: UInt64 = 0
    package var slow: UInt64 = 0
    /// Of `slow`: ended for the limit of the whole process.
    package var slowByTotal: UInt64 = 0
    /// Messages that a connection was too slow for, and those replaced.
    ///
    /// A replaced message has been overtaken by a newer one of its key.
    package var dropped: UInt64 = 0
    package var replaced: UInt64 = 0
    package var refused: [Int: UInt64] = [:]

    package init() {}
}
