package import PharosDomain
package import PharosProtocol

/// A client that comes by a transport which exchanges whole messages.
///
/// So come streams of gRPC, and whatever else is no request of HTTP/1 with its bytes.
///
/// It is admitted like every client; only the question about its request, the handshake hook, is its transport's, since
/// only the transport has the request.
package struct ClientOpening: Sendable {
    /// Number in the server's `DialectTable`.
    package var dialect: UInt8
    package var address: PeerAddress
    /// The claims that the application granted to the client's request.
    package var claims: ConnectionClaims?
    /// The user that a trusted proxy named.
    package var user: UserID?
    /// The key under which the client's state outlives its connection.
    ///
    /// Nil: it does not.
    package var key: SessionKey?
    /// The parts of its request that may be passed on.
    package var request = RequestFacts()

    package init(dialect: UInt8 = DialectTable.json, address: PeerAddress = "") {
        self.dialect = dialect
        self.address = address
    }
}

/// The transport's end of a client's output.
///
/// Called on the shard's thread; must not block.
package protocol ClientOutbox: Sendable {
    /// Takes messages, in order and whole.
    ///
    /// No more come before `MessageClient.ready` is called. Until then they wait in the server, up to its limit for slow
    /// readers.
    func deliver(_ messages: [OutboxMessage])

    /// The transport may read on, after `MessageClient.received` was false.
    func readOn()

    /// The connection is over, after all that was delivered.
    ///
    /// It is the last call, and there is always one. If the server itself ends, it may come on another thread.
    func ended(_ reason: Disconnect)
}

/// A message to a client of a message transport.
package struct OutboxMessage: Equatable, Sendable {
    package let kind: MessageKind
    package let data: [UInt8]
}
