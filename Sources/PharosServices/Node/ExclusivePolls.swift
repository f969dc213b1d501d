import PharosBytes
import PharosDomain
import PharosEdge

/// The polls of which only the newest of a user stays, over all shards. Any thread.
final class ExclusivePolls: Sendable {
    /// A poll's user and channels: two polls with one key are the same wish.
    struct Key: Hashable, Sendable {
        var user: UserID
        var channels: [ChannelName]
    }

    private struct Entry {
        var shard: Int
        var id: ConnectionID
        /// Orders the polls of all nodes.
        var sequence: UInt64
    }

    private let polls = Locked<[Key: Entry]>([:])

    /// Replaces an older poll, which is to be ended by the caller.
    ///
    /// - Parameter sequence: see `ConnectionSequences`.
    func replace(
        _ key: Key, with poll: (shard: Int, id: ConnectionID), sequence: UInt64
    ) -> (shard: Int, id: ConnectionID)? {
        let entry = Entry(shard: poll.shard, id: poll.id, sequence: sequence)
        let older = polls.withLock { $0.updateValue(entry, forKey: key) }
        return older.map { ($0.shard, $0.id) }
    }

    /// The poll here that a newer one on another node ends.
    ///
    /// It is to be ended by the caller.
    func replaced(_ key: Key, bySequence sequence: UInt64) -> (shard: Int, id: ConnectionID)? {
        polls.withLock { polls in
            guard let entry = polls[key], entry.sequence < sequence else { return nil }
            polls[key] = nil
            return (entry.shard, entry.id)
        }
    }

    /// The poll is over; a newer one that has replaced it stays.
    func remove(_ key: Key, _ poll: (shard: Int, id: ConnectionID)) {
        polls.withLock { polls in
            guard let entry = polls[key], entry.shard == poll.shard, entry.id == poll.id else { return }
            polls[key] = nil
        }
    }
}
