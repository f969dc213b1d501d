import PharosDomain

/// A message of a channel with all that it brings, written with a guard.
///
/// It is stored whole, with its keys, or nothing of it is.
/// It is answered to all its orders together.
struct ChannelCommit: Sendable {
    /// A publication of the message.
    struct Part: Sendable {
        /// 0 for a signal.
        var offset: UInt64
        /// The number of the order that it is for.
        var order: Int
    }

    struct Key: Sendable {
        var key: IdempotencyKey
        var position: StreamPosition
    }

    /// An order's result.
    struct Answer: Sendable {
        var position: StreamPosition
        /// Nothing of it goes to subscribers.
        var isRepeat: Bool
    }

    /// By which its messages are known again; another content has another one.
    let id: String
    /// The sequence of the channel's last message before it; 0: none.
    let guardSequence: UInt64
    let orders: [ChannelOrder]
    /// The kind of the message; nil: there is nothing to store.
    var kind: StoredMark.Kind?
    var parts: [Part] = []
    /// Each is stored before the message, on the condition that it is not there.
    var keys: [Key] = []
    /// One for each order.
    var answers: [Answer] = []
    /// The channel's memory when it is stored, but for the sequence.
    var after: ChannelMemory
    /// The messages before it go.
    var replacesHistory = false
    /// The message before it was a signal or a marker, which is of no use behind it.
    var superseded: UInt64?
    /// How often it was sent.
    var attempts = 0
    /// An attempt ended without a word.
    ///
    /// It may be stored in spite of the answer to the next one.
    var isUnsure = false

    var mark: StoredMark? {
        kind.map {
            StoredMark(kind: $0, position: after.position, count: parts.count, commit: id, version: after.version)
        }
    }

    init(id: String, on memory: ChannelMemory, orders: [ChannelOrder]) {
        self.id = id
        guardSequence = memory.sequence
        self.orders = orders
        after = memory
        if memory.sequence > 0, memory.kind == .signal || memory.kind == .marker { superseded = memory.sequence }
    }
}
