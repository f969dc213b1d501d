/// The moments at which the application is asked; the client waits for its answer.
package enum HookKind: String, CaseIterable, Equatable, Sendable {
    /// A request at a client address, before it is upgraded or answered.
    case handshake
    /// `connect` without a token.
    case connect
    /// A connection that a hook let in is about to expire.
    case refresh
    case subscribe
    case publish
    case rpc
    /// A subscription that a hook let in is about to expire.
    case subRefresh = "sub_refresh"
    /// `send`: a message for the application that has no answer.
    case message
}
