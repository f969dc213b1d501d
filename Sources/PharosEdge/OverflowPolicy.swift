/// The treatment of a published message whose connection reads too slowly.
///
/// A conflation key goes with each policy: of messages with the same topic and the same key (other than 0) only the newest
/// waits. Replies, pings and all else that is sent to one connection are neither dropped nor replaced.
package enum OverflowPolicy: UInt8, Sendable {
    /// It waits; a connection whose output exceeds the limit becomes slow.
    case close
    /// Once the output exceeds the limit, the oldest such messages go.
    ///
    /// They are dropped until half of the limit is free. The newest stays if it fits into the limit.
    case dropOldest
    /// Only the newest message of its topic (and key) waits.
    case latest
}

/// The content of a waiting segment as far as it matters for dropping.
///
/// All zero: it is never dropped nor replaced.
struct MessageTag: BitwiseCopyable {
    struct Traits: OptionSet, BitwiseCopyable {
        let rawValue: UInt8
        static let isDroppable = Traits(rawValue: 1)
        static let isReplaceable = Traits(rawValue: 2)
        /// Some of its bytes have left: the rest must follow.
        static let hasBegun = Traits(rawValue: 4)
    }

    var topic = UInt32.max
    var key: UInt32 = 0
    /// Messages in the segment.
    var count: UInt16 = 0
    var traits: Traits = []

    init() {}

    init(topic: UInt32, key: UInt32, count: UInt16, traits: Traits) {
        self.topic = topic
        self.key = key
        self.count = count
        self.traits = traits
    }
}

extension MessageTag.Traits {
    init(_ policy: OverflowPolicy, key: UInt32) {
        self = policy == .dropOldest ? .isDroppable : []
        if policy == .latest || key != 0 { insert(.isReplaceable) }
    }
}

/// Messages of one topic that one connection will not get.
struct DropNote {
    var id: ConnectionID
    var topic: UInt32
    var dropped: Int
    var replaced: Int

    /// One note for each connection and topic.
    static func merged(_ notes: [DropNote]) -> [DropNote] {
        var merged: [DropNote] = []
        for note in notes.sorted(by: { ($0.id.raw, $0.topic) < ($1.id.raw, $1.topic) }) {
            if let last = merged.last, last.id == note.id, last.topic == note.topic {
                merged[merged.count - 1].dropped += note.dropped
                merged[merged.count - 1].replaced += note.replaced
            } else {
                merged.append(note)
            }
        }
        return merged
    }
}
