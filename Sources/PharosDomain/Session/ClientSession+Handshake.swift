/// Clients that the application let in at their request's head, before they said anything.
extension ClientSession {
    /// What the handshake granted; until the connect is answered.
    final class Claimed: Sendable {
        let claims: ConnectionClaims
        init(_ claims: ConnectionClaims) { self.claims = claims }
    }

    /// The application has said who the client is; call before `connect` arrives. A token that the client brings still wins.
    package mutating func claimed(_ claims: ConnectionClaims) {
        precondition(state == .awaitingConnect, "the claims are known before the connect")
        granted = Claimed(claims)
    }
}
