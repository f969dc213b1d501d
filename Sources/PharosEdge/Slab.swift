/// Entries addressed by a small number, in memory that never moves.
///
/// Free ones are used again, the last freed first.
///
/// The memory is reserved for `capacity` entries at once; the operating system hands out only the pages that are touched.
/// Not thread-safe.
struct Slab<Entry: BitwiseCopyable>: ~Copyable {
    private let entries: UnsafeMutablePointer<Entry>
    private let free: UnsafeMutablePointer<UInt32>
    private var freeCount = 0
    private var used = 0
    let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        entries = .allocate(capacity: capacity)
        free = .allocate(capacity: capacity)
    }

    deinit {
        entries.deallocate()
        free.deallocate()
    }

    /// Entries in use.
    var count: Int { used - freeCount }

    /// One past the highest index ever used: the range to look through for all entries.
    var highWater: Int { used }

    @inline(__always)
    subscript(index: UInt32) -> UnsafeMutablePointer<Entry> {
        entries + Int(index)
    }

    /// Takes an index for a new entry; nil when full.
    ///
    /// It says too whether the index was used before: then its old content is still there.
    mutating func take(initial: Entry) -> (index: UInt32, isReused: Bool)? {
        if freeCount > 0 {
            freeCount -= 1
            return (free[freeCount], true)
        }
        guard used < capacity else { return nil }
        let index = UInt32(used)
        used += 1
        (entries + Int(index)).initialize(to: initial)
        return (index, false)
    }

    mutating func give(back index: UInt32) {
        free[freeCount] = index
        freeCount += 1
    }
}

/// An entry that, while it is free, names the next free one.
protocol FreeListEntry: BitwiseCopyable {
    var nextFree: UInt32 { get set }
}

/// Entries like a slab's whose number has no bound known at start.
///
/// It grows by doubling, so pointers into it do not last.
struct GrowingSlab<Entry: FreeListEntry>: ~Copyable {
    private var entries: UnsafeMutablePointer<Entry>
    private var capacity: Int
    private var used = 0
    private var firstFree = UInt32.max
    /// Entries in use.
    private(set) var count = 0

    init(capacity: Int = 64) {
        self.capacity = capacity
        entries = .allocate(capacity: capacity)
    }

    deinit { entries.deallocate() }

    /// One past the highest index ever used.
    var highWater: Int { used }

    @inline(__always)
    subscript(index: UInt32) -> UnsafeMutablePointer<Entry> {
        entries + Int(index)
    }

    mutating func take(_ entry: Entry) -> UInt32 {
        count += 1
        if firstFree != .max {
            let index = firstFree
            firstFree = entries[Int(index)].nextFree
            entries[Int(index)] = entry
            return index
        }
        if used == capacity {
            let grown = UnsafeMutablePointer<Entry>.allocate(capacity: capacity * 2)
            grown.moveInitialize(from: entries, count: used)
            entries.deallocate()
            entries = grown
            capacity *= 2
        }
        let index = UInt32(used)
        used += 1
        (entries + Int(index)).initialize(to: entry)
        return index
    }

    mutating func give(back index: UInt32) {
        entries[Int(index)].nextFree = firstFree
        firstFree = index
        count -= 1
    }
}
