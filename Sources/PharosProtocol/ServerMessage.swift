package import PharosDomain

/// One message from server to client, as a client reads it.
package enum ServerMessage: Equatable, Sendable {
    /// The empty message: the server asks whether the client is still there.
    case ping
    case reply(Reply)
    case push(Push)
}
