import PharosDomain

extension ChannelWriter {
    /// Something the owner has to do.
    enum Action: Sendable {
        /// Read the subject's last message at the leader; `lastRead` follows.
        case readLast
        /// Read the subject's first message after this sequence at the leader.
        ///
        /// `nextRead` follows.
        case readAfter(UInt64)
        /// Find the epoch that an empty channel has; `epochRead` follows.
        case readEpoch
        /// Read where these keys lead, at the leader; `keysRead` follows.
        case readKeys([IdempotencyKey])
        /// `written` follows.
        case write(ChannelCommit)
        /// Call `pauseEnded` after so many milliseconds.
        case pause(Int64)
        /// Delete a message that is of no use any more, if that is easily done.
        case delete(UInt64)
        /// The commit is stored: report and answer it.
        ///
        /// `sequence` is that of its last message.
        case stored(ChannelCommit, sequence: UInt64)
        /// These are answered, without anything having been stored.
        case answer([ChannelOrder], [ChannelCommit.Answer])
        case refuse([ChannelOrder], ReplyError)
    }

    /// How a commit ended.
    enum Outcome: Sendable {
        /// With the sequence of its last message.
        case stored(UInt64)
        /// A guard did not hold, or it could not be checked.
        case conflict
        /// Nothing is stored, for a reason that may pass.
        case refused
        case unknown
    }

    enum Phase {
        case idle, readingLast, readingEpoch, readingKeys
        case pausing
        case writing(ChannelCommit)
        /// The outcome of the commit is looked up.
        case settling(ChannelCommit)
        /// The same, later.
        case settlingLater(ChannelCommit)
        /// The same commit is sent again, later.
        case rewriting(ChannelCommit)
    }
}
