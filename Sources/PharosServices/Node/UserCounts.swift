import PharosBytes
import PharosDomain

/// The number of shards on which each user has connections. Any thread.
///
/// With it a user counts once for the node.
final class UserCounts: Sendable {
    private let shards = Locked<[UserID: Int]>([:])

    /// Users with connections.
    var count: Int { shards.withLock { $0.count } }

    /// The first connection of a user on a shard.
    func came(_ user: UserID) { shards.withLock { $0[user, default: 0] += 1 } }

    /// The last connection of a user on a shard has gone.
    func left(_ user: UserID) {
        shards.withLock { shards in
            guard let known = shards[user] else { return }
            shards[user] = known > 1 ? known - 1 : nil
        }
    }
}
