/// A table of elements by small numbers, for elements that are not copied.
///
/// The caller or the store chooses the numbers. Elements are changed in place and never copied to be read.
///
/// Grows by pieces, so that nothing is ever moved and what grows costs what is used. Not thread-safe.
struct SlotTable<Element: ~Copyable>: ~Copyable {
    private static var pieceBits: Int { 8 }
    private static var pieceSize: Int { 1 << pieceBits }

    private var pieces: UnsafeMutablePointer<UnsafeMutablePointer<Element>>
    /// A bit for each place.
    private var taken: UnsafeMutablePointer<UInt64>
    private var pieceCount = 0
    private var room: Int
    private(set) var count = 0

    init() {
        room = 4
        pieces = .allocate(capacity: 4)
        taken = .allocate(capacity: 4 * SlotTable.wordsPerPiece)
    }

    deinit {
        for index in 0..<capacity where contains(index) { element(index).deinitialize(count: 1) }
        for piece in 0..<pieceCount { pieces[piece].deallocate() }
        pieces.deallocate()
        taken.deallocate()
    }

    /// One more than the highest place that can be taken now.
    var capacity: Int { pieceCount << SlotTable.pieceBits }

    func contains(_ index: Int) -> Bool { index < capacity && taken[index >> 6] & 1 << (index & 63) != 0 }

    /// The element at a place that is taken, accessed in place.
    ///
    /// So reading a part of it copies nothing else.
    subscript(index: Int) -> Element {
        unsafeAddress { UnsafePointer(address(of: index)) }
        nonmutating unsafeMutableAddress { address(of: index) }
    }

    /// Where the element at a place that is taken stands, as long as it stays.
    func address(of index: Int) -> UnsafeMutablePointer<Element> {
        precondition(contains(index), "nothing is kept at this place")
        return element(index)
    }

    /// Takes a free place.
    mutating func insert(_ element: consuming Element, at index: Int) {
        while index >= capacity { grow() }
        precondition(!contains(index), "the place is taken")
        self.element(index).initialize(to: element)
        taken[index >> 6] |= 1 << (index & 63)
        count += 1
    }

    mutating func remove(at index: Int) {
        precondition(contains(index), "nothing is kept at this place")
        _ = take(index)
    }

    private static var wordsPerPiece: Int { pieceSize / UInt64.bitWidth }

    fileprivate func element(_ index: Int) -> UnsafeMutablePointer<Element> {
        pieces[index >> SlotTable.pieceBits] + (index & (SlotTable.pieceSize - 1))
    }

    fileprivate mutating func take(_ index: Int) -> Element {
        taken[index >> 6] &= ~(1 << (index & 63))
        count -= 1
        return element(index).move()
    }

    private mutating func grow() {
        if pieceCount == room {
            let (oldPieces, oldTaken) = (pieces, taken)
            room *= 2
            pieces = .allocate(capacity: room)
            taken = .allocate(capacity: room * SlotTable.wordsPerPiece)
            pieces.moveInitialize(from: oldPieces, count: pieceCount)
            taken.moveInitialize(from: oldTaken, count: pieceCount * SlotTable.wordsPerPiece)
            oldPieces.deallocate()
            oldTaken.deallocate()
        }
        (pieces + pieceCount).initialize(to: .allocate(capacity: SlotTable.pieceSize))
        (taken + pieceCount * SlotTable.wordsPerPiece).initialize(repeating: 0, count: SlotTable.wordsPerPiece)
        pieceCount += 1
    }
}

extension SlotTable where Element: Copyable {
    /// The element at a place that may be free; nil frees it.
    subscript(at place: UInt32) -> Element? {
        get { contains(Int(place)) ? element(Int(place)).pointee : nil }
        _modify {
            let index = Int(place)
            var kept: Element?
            if contains(index) { kept = take(index) }
            defer { if let kept { insert(kept, at: index) } }
            yield &kept
        }
    }
}
