import PharosDomain

/// The key with which a connection's client finds its state again.
struct KeyedSession {
    let key: SessionKey
    /// The key is this connection's, and what it is will be kept. Before that it may be anybody's.
    var isClaimed = false
    /// What the table of keys knows of the session.
    var user: UserID = ""
    var expireAt: Int64 = 0
}
