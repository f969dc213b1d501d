/// The client's end of a connection, blocking.
///
/// It has what a story needs, whatever carries the bytes.
///
/// Each call may be made from one thread at a time. A wait that lasts longer than `guardMs` throws: nothing is expected
/// to take that long, so it is a failure and never a way to wait.
package protocol ClientLink: AnyObject, Sendable {
    func send(_ bytes: [UInt8]) throws

    /// The next bytes from the server; empty: it closed the connection.
    func receive() throws -> [UInt8]

    /// Closes without a word.
    func close()
}

/// Milliseconds after which a wait counts as a failure.
package let guardMs: Int32 = 60_000

package enum LinkError: Error, Equatable {
    /// Nothing came for `guardMs`.
    case silence
    case system(errno: Int32)
}

/// The two kinds of connection that a shard serves.
package enum LinkKind: String, CaseIterable, Sendable {
    /// A TCP socket of the edge.
    case socket
    /// The same with TLS.
    case tls
}
