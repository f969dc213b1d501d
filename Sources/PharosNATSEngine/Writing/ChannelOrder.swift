import PharosDomain

/// One change of a channel that waits to be written.
struct ChannelOrder: Sendable {
    enum Work: Sendable {
        case append(StreamAppend, except: ClientID?)
        case removeHistory
        /// Removes the history, all of which has expired.
        ///
        /// Only if its last message's sequence is still this one.
        case expire(UInt64)
        /// Stores a new epoch if the stream has lost the channel's newest messages.
        case renew
    }

    var work: Work
    /// The envelope of the publication, as it is stored.
    var payload: [UInt8] = []
    var relay: Int
    var ticket: UInt64
    /// Monotonic milliseconds, after which it is not tried any more.
    ///
    /// It is answered with a temporary error unless it is stored.
    var deadlineMs: Int64

    var append: StreamAppend? {
        guard case .append(let append, _) = work else { return nil }
        return append
    }
}

/// A writer's knowledge of a channel: the words of its subject's last message.
struct ChannelMemory: Equatable, Sendable {
    /// The last message's number in the stream; 0: there is none.
    var sequence: UInt64
    var position: StreamPosition
    var version: StreamVersion?
    var kind: StoredMark.Kind?
    /// The stream had newer messages of the channel, and has lost them.
    var isLost = false

    /// A channel without a message, whose first epoch is known.
    init(empty epoch: Epoch) {
        sequence = 0
        position = StreamPosition(offset: 0, epoch: epoch)
    }

    /// Takes the words of a channel's last message.
    ///
    /// Where the channel is known to have had a newer one, `newest`, they are not to be believed.
    /// Offsets that were given to publications that are lost may not be given again in the same epoch.
    init(_ message: StoredMessage, newest: UInt64 = 0) {
        sequence = message.sequence
        (position, version, kind) = (message.mark.position, message.mark.version, message.mark.kind)
        guard message.sequence < newest else { return }
        isLost = true
        version = nil
        let seed = newest &* 0x9e37_79b9_7f4a_7c15 ^ message.sequence
        let epoch = FirstEpochs.name(FirstEpochs.hash(message.mark.position.epoch.utf8, seed))
        position = StreamPosition(offset: 0, epoch: epoch)
    }
}
