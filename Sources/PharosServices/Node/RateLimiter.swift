import PharosDomain
import PharosEdge

/// The limits on commands that span the shards of a node. Any thread.
///
/// They are per user and per address.
final class RateLimiter: Sendable {
    /// The limit that was exceeded; part of the error's text, which programs read.
    enum Scope: String, Sendable {
        case connection, user, address
    }

    let perConnection: CommandRate
    private let perUser: CommandRate
    private let perAddress: CommandRate
    private let users: RateTable<NameOf.User>
    private let addresses: RateTable<NameOf.Address>
    /// Whether there is any limit at all.
    let isActive: Bool
    /// The rate above which a connection is ended: ten times what it may send.
    let patience: CommandRate

    init(_ limits: RateLimits, nowMs: Int64) {
        perConnection = CommandRate(limits.perConnection)
        perUser = CommandRate(limits.perUser)
        perAddress = CommandRate(limits.perAddress)
        users = RateTable(perUser, nowMs: nowMs)
        addresses = RateTable(perAddress, nowMs: nowMs)
        let strictest = [perConnection, perUser, perAddress].filter(\.isLimited).map(\.perSecond).min() ?? 0
        isActive = strictest > 0
        patience = CommandRate(min(strictest, 100_000_000) * 10)
    }

    /// Counts a request or command of an address; false: there were too many.
    func take(address: PeerAddress, nowMs: Int64) -> Bool { addresses.take(address, nowMs: nowMs) }

    func take(user: UserID, nowMs: Int64) -> Bool { users.take(user, nowMs: nowMs) }

    /// The client's error, such as `too many requests: user, retry after 250 ms`.
    func error(_ scope: Scope) -> ReplyError {
        let rate =
            switch scope {
            case .connection: perConnection
            case .user: perUser
            case .address: perAddress
            }
        var error = ReplyError.tooManyRequests
        error.message += ": \(scope.rawValue), retry after \(rate.retryMs) ms"
        return error
    }
}

/// The rate of one connection's commands.
struct ConnectionRate {
    private var allowed: TokenBucket
    private var tolerated: TokenBucket

    init(_ limiter: RateLimiter, nowMs: Int64) {
        allowed = limiter.perConnection.bucket(nowMs: nowMs)
        tolerated = limiter.patience.bucket(nowMs: nowMs)
    }

    enum Verdict {
        case allowed, refused
        /// It goes on in spite of being refused.
        case hopeless
    }

    /// Counts one command.
    mutating func take(nowMs: Int64) -> Verdict {
        guard tolerated.take(nowMs: nowMs) else { return .hopeless }
        return allowed.take(nowMs: nowMs) ? .allowed : .refused
    }
}
