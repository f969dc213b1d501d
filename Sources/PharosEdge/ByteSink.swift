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
}

extension ByteSink {
    /// Who has no peer to slow down need do nothing.
    package func setReading(_ isReading: Bool) {}
}

/// The other direction of a `ByteSink`: what happened on a connection, told to the shard that owns it. Any thread, in order.
package protocol ByteSource: AnyObject, Sendable {
    func received(_ bytes: [UInt8])
    func closed()
}
