/// A connection whose bytes somebody else carries: today a NIO channel behind TLS.
///
/// The shard treats it exactly like a socket of its own: it is given the bytes that were received (decrypted), parses
/// request heads and frames from them, and writes its answers here. So both kinds of connection tell the same story.
///
/// All methods may be called from the shard's thread; they must not block and must keep the order of calls.
package protocol ByteSink: AnyObject, Sendable {
    /// Sends `bytes` after everything written before.
    func write(_ bytes: [UInt8])

    /// Bytes written and not yet taken by the operating system: what the output limit is compared with.
    var unsentBytes: Int { get }

    /// Sends what was written before, then closes. No further call follows.
    func close()

    /// Whether further bytes are to be read from the peer; at first they are. Some that were read before may still come.
    func setReading(_ isReading: Bool)

    /// The edge does not serve this request: whoever carries the bytes is to answer it, beginning with `bytes`, which were
    /// received but not consumed. No further call follows, and nothing more may be given to the shard.
    func handOver(_ bytes: [UInt8])
}

extension ByteSink {
    /// Who has no peer to slow down need do nothing.
    package func setReading(_ isReading: Bool) {}
}

/// Where the edge's listeners hand sockets whose requests they do not serve.
package protocol SocketAdopter: AnyObject, Sendable {
    /// Takes over an open, non-blocking, connected socket; `bytes` were already read from it. Any thread.
    func adopt(descriptor: Int32, bytes: [UInt8])
}

/// The other direction of a `ByteSink`: what happened on a connection, told to the shard that owns it. Any thread, in order.
package protocol ByteSource: AnyObject, Sendable {
    func received(_ bytes: [UInt8])
    func closed()
}
