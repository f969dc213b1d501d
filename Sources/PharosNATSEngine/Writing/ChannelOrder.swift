import PharosDomain

/// One change of a channel that waits to be written.
struct ChannelOrder: Sendable {
    enum Work: Sendable {
        case append(StreamAppend, except: ClientID?)
        case removeHistory
    }

    var work: Work
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

    /// A channel without a message, whose first epoch is known.
    init(empty epoch: Epoch) {
        sequence = 0
        position = StreamPosition(offset: 0, epoch: epoch)
    }

    init(_ message: StoredMessage) {
        sequence = message.sequence
        (position, version, kind) = (message.mark.position, message.mark.version, message.mark.kind)
    }
}
