import PharosDomain

/// The key with which a connection's client finds its state again.
struct KeyedSession {
    let key: SessionKey
    /// Whether the key belongs to this connection, so that its state will be kept.
    ///
    /// Before that the key may belong to any connection.
    var isClaimed = false
    /// The other nodes have been asked for the state under the key.
    var hasAskedOthers = false
    /// The claim that waits for their answers.
    var claim: Claim?

    struct Claim {
        var user: UserID?
        /// Seconds since 1970; 0 never.
        var expireAt: Int64
    }

    /// The user and the lifetime that the table of keys has on record for the session.
    var user: UserID = ""
    var expireAt: Int64 = 0
}
