/// One deadline per connection in a wheel of 1,024 slots of 64 ms.
///
/// Setting and clearing cost a few list operations.
///
/// Deadlines beyond one turn of the wheel (65 s) stay in their slot for further turns. The lists run through the
/// connections themselves.
struct TimerWheel: ~Copyable {
    static let tickMs: Int64 = 64
    private static let slots = 1_024

    private let heads: UnsafeMutablePointer<UInt32>
    private let occupied: UnsafeMutablePointer<UInt64>
    private var currentTick: UInt64

    init(nowMs: Int64) {
        heads = .allocate(capacity: TimerWheel.slots)
        heads.initialize(repeating: .max, count: TimerWheel.slots)
        occupied = .allocate(capacity: TimerWheel.slots / 64)
        occupied.initialize(repeating: 0, count: TimerWheel.slots / 64)
        currentTick = UInt64(nowMs / TimerWheel.tickMs)
    }

    deinit {
        heads.deallocate()
        occupied.deallocate()
    }

    mutating func set(_ slot: UInt32, atMs deadline: Int64, _ connections: borrowing Slab<Connection>) {
        clear(slot, connections)
        let tick = max(UInt64(max(deadline, 0) / TimerWheel.tickMs) + 1, currentTick + 1)
        insert(slot, tick, connections)
    }

    mutating func clear(_ slot: UInt32, _ connections: borrowing Slab<Connection>) {
        let entry = connections[slot]
        guard entry.pointee.timerTick != 0 else { return }
        let bucket = Int(entry.pointee.timerTick % UInt64(TimerWheel.slots))
        let previous = entry.pointee.timerPrevious
        let next = entry.pointee.timerNext
        if previous == .max { heads[bucket] = next } else { connections[previous].pointee.timerNext = next }
        if next != .max { connections[next].pointee.timerPrevious = previous }
        if heads[bucket] == .max { occupied[bucket / 64] &= ~(1 << UInt64(bucket % 64)) }
        entry.pointee.timerTick = 0
    }

    /// Collects all whose time has come; their timers are cleared.
    mutating func advance(
        toMs now: Int64, _ connections: borrowing Slab<Connection>, expired: inout [ConnectionID]
    ) {
        let target = UInt64(now / TimerWheel.tickMs)
        // After a long pause each slot need be visited only once.
        if target > currentTick + UInt64(TimerWheel.slots) { currentTick = target - UInt64(TimerWheel.slots) }
        while currentTick < target {
            currentTick += 1
            let bucket = Int(currentTick % UInt64(TimerWheel.slots))
            guard heads[bucket] != .max else { continue }
            var slot = heads[bucket]
            while slot != .max {
                let entry = connections[slot]
                let next = entry.pointee.timerNext
                if entry.pointee.timerTick <= target {
                    clear(slot, connections)
                    expired.append(ConnectionID(slot: slot, generation: entry.pointee.generation))
                }
                slot = next
            }
        }
    }

    /// Milliseconds until some slot is due; at most `limit`.
    func timeout(nowMs: Int64, limit: Int64) -> Int64 {
        let words = TimerWheel.slots / 64
        let start = Int((currentTick + 1) % UInt64(TimerWheel.slots))
        var word = start / 64
        var bits = occupied[word] & (~0 << UInt64(start % 64))
        for step in 0...words {
            if bits != 0 {
                let bucket = word * 64 + bits.trailingZeroBitCount
                let distance = (bucket - start + TimerWheel.slots) % TimerWheel.slots + 1
                let due = Int64(currentTick + UInt64(distance)) * TimerWheel.tickMs
                return min(max(due - nowMs, 0), limit)
            }
            word = (word + 1) % words
            bits = occupied[word]
            if step == words { break }
        }
        return limit
    }

    private mutating func insert(_ slot: UInt32, _ tick: UInt64, _ connections: borrowing Slab<Connection>) {
        let bucket = Int(tick % UInt64(TimerWheel.slots))
        let entry = connections[slot]
        let head = heads[bucket]
        entry.pointee.timerTick = tick
        entry.pointee.timerPrevious = .max
        entry.pointee.timerNext = head
        if head != .max { connections[head].pointee.timerPrevious = slot }
        heads[bucket] = slot
        occupied[bucket / 64] |= 1 << UInt64(bucket % 64)
    }
}
