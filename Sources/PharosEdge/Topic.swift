/// The subscribers of one channel on this shard.
///
/// With them comes what was published to them in this turn.
struct Topic: FreeListEntry {
    var subscribers: UnsafeMutablePointer<Subscriber>?
    /// Slots of lanes, used or free.
    ///
    /// A lane keeps its slot as long as it has subscribers.
    var lanes: UnsafeMutablePointer<Lane>?
    var count: UInt32 = 0
    var capacity: UInt32 = 0
    var laneCount: UInt16 = 0
    var laneCapacity: UInt16 = 0
    var isDirty = false
    /// The fan-out goes on from turn to turn: see `Edge+Rolling`.
    var isRolling = false
    /// Whose turn it is then.
    var cursor: UInt32 = 0
    /// So many before it have everything that has been published.
    var served: UInt32 = 0
    var nextFree = UInt32.max
}

/// One way in which a topic's messages are put on the wire.
///
/// It holds what waits there in this turn. The meaning of a lane's number is the handler's business. The edge sees to
/// it that each subscriber gets what was published to its lane, and that nothing is encoded for a lane without
/// subscribers.
struct Lane: BitwiseCopyable {
    var number: UInt16
    /// 0: the slot is free.
    var subscribers: UInt32 = 0
    /// Messages in `pending`.
    var pendingMessages: UInt32 = 0
    var pending: BlockPointer?
    /// The key of the messages in `pending`.
    ///
    /// Messages of another key or policy do not get into the same block.
    var key: UInt32 = 0
    var traits: MessageTag.Traits = []
    /// Where the last message in `pending` begins.
    var lastStart: UInt32 = 0

    /// As many messages as a segment can count.
    static let pendingLimit: UInt32 = 65_535

    func tag(_ topic: UInt32) -> MessageTag {
        MessageTag(topic: topic, key: key, count: UInt16(clamping: pendingMessages), traits: traits)
    }
}

struct Subscriber: BitwiseCopyable {
    var connection: UInt32
    var node: UInt32
    /// The index of its lane in the topic.
    var lane: UInt32
    /// Bytes of what is pending in that lane that it has been given.
    var given: UInt32 = 0
}

/// One subscription, seen from the connection: where it stands in its topic.
struct Node: FreeListEntry {
    var topic: UInt32
    var indexInTopic: UInt32

    var nextFree: UInt32 {
        get { indexInTopic }
        set { indexInTopic = newValue }
    }
}

extension UnsafeMutablePointer where Pointee == Topic {
    /// The slot of a lane; nil: the lane has no subscribers.
    @inline(__always)
    func index(ofLane number: UInt16) -> Int? {
        guard let lanes = pointee.lanes else { return nil }
        for index in 0..<Int(pointee.laneCount) where lanes[index].number == number && lanes[index].subscribers > 0 {
            return index
        }
        return nil
    }

    /// The slot of a lane for a new subscriber.
    ///
    /// It is the lane's own, else a free one, else one more. Nothing may be pending.
    func indexForSubscriber(ofLane number: UInt16) -> Int {
        if let index = index(ofLane: number) { return index }
        for index in 0..<Int(pointee.laneCount) where pointee.lanes![index].subscribers == 0 {
            pointee.lanes![index] = Lane(number: number)
            return index
        }
        if pointee.laneCount == pointee.laneCapacity {
            let capacity = pointee.laneCapacity == 0 ? 1 : pointee.laneCapacity * 2
            let grown = UnsafeMutablePointer<Lane>.allocate(capacity: Int(capacity))
            if let old = pointee.lanes {
                grown.moveInitialize(from: old, count: Int(pointee.laneCount))
                old.deallocate()
            }
            pointee.lanes = grown
            pointee.laneCapacity = capacity
        }
        (pointee.lanes! + Int(pointee.laneCount)).initialize(to: Lane(number: number))
        pointee.laneCount += 1
        return Int(pointee.laneCount) - 1
    }

    /// Room for one more subscriber.
    func reserveSubscriber() {
        guard pointee.count == pointee.capacity else { return }
        let capacity = max(pointee.capacity * 2, 2)
        let grown = UnsafeMutablePointer<Subscriber>.allocate(capacity: Int(capacity))
        if let old = pointee.subscribers {
            grown.moveInitialize(from: old, count: Int(pointee.count))
            old.deallocate()
        }
        pointee.subscribers = grown
        pointee.capacity = capacity
    }
}
