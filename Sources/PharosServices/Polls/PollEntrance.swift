import PharosDomain

/// A stateless poll before it may read: a session of the protocol.
///
/// It connects and subscribes as on every other transport. So whatever a session asks for, a poll is asked for as well; no
/// rule is written a second time.
final class PollEntrance {
    var session: ClientSession
    /// Subscribes that the application has not answered yet.
    var awaited = 0
    /// When what was granted ends, in seconds since 1970; 0 never.
    var expireAt: Int64 = 0

    init(_ session: consuming ClientSession) { self.session = session }

    func ends(_ expireAt: Int64) {
        guard expireAt != 0 else { return }
        self.expireAt = self.expireAt == 0 ? expireAt : min(self.expireAt, expireAt)
    }
}
