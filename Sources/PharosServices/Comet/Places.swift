/// Elements by a small number chosen by the caller or by the store, changed in place and never copied to be read.
///
/// Grows by doubling; the numbers stay, addresses do not. Not thread-safe.
struct Places<Element>: ~Copyable {
    private var elements: UnsafeMutablePointer<Element>
    private var isTaken: UnsafeMutablePointer<Bool>
    private(set) var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 16) {
        self.capacity = capacity
        elements = .allocate(capacity: capacity)
        isTaken = .allocate(capacity: capacity)
        isTaken.initialize(repeating: false, count: capacity)
    }

    deinit {
        for index in 0..<capacity where isTaken[index] { (elements + index).deinitialize(count: 1) }
        elements.deallocate()
        isTaken.deallocate()
    }

    func contains(_ index: Int) -> Bool { index < capacity && isTaken[index] }

    /// The element at a place that is taken.
    subscript(index: Int) -> Element {
        _read {
            precondition(contains(index), "nothing is kept at this place")
            yield elements[index]
        }
        nonmutating _modify {
            precondition(contains(index), "nothing is kept at this place")
            yield &elements[index]
        }
    }

    /// Takes a free place.
    mutating func insert(_ element: Element, at index: Int) {
        while index >= capacity { grow() }
        precondition(!isTaken[index], "the place is taken")
        (elements + index).initialize(to: element)
        isTaken[index] = true
        count += 1
    }

    mutating func remove(at index: Int) {
        precondition(contains(index), "nothing is kept at this place")
        (elements + index).deinitialize(count: 1)
        isTaken[index] = false
        count -= 1
    }

    private mutating func grow() {
        let wanted = capacity * 2
        let moved = UnsafeMutablePointer<Element>.allocate(capacity: wanted)
        let flags = UnsafeMutablePointer<Bool>.allocate(capacity: wanted)
        flags.initialize(repeating: false, count: wanted)
        for index in 0..<capacity where isTaken[index] {
            (moved + index).moveInitialize(from: elements + index, count: 1)
            flags[index] = true
        }
        elements.deallocate()
        isTaken.deallocate()
        elements = moved
        isTaken = flags
        capacity = wanted
    }
}
