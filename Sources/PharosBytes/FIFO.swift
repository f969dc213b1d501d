/// A queue in one array; each operation takes constant time, amortized.
///
/// First in, first out, without moving the others. Messages and commands pass through such queues, so their users must get
/// specialized code: the compiler gives other modules the bodies of what is public and inlinable, not of `package`.
@frozen public struct FIFO<Element> {
    /// Elements that were taken out are nil.
    @usableFromInline var elements: [Element?] = []
    @usableFromInline var next = 0

    @inlinable public init() {}

    @inlinable @inline(__always) public var count: Int { elements.count - next }
    @inlinable @inline(__always) public var first: Element? { next < elements.count ? elements[next] : nil }
    @inlinable @inline(__always) public var isEmpty: Bool { next == elements.count }

    @inlinable @inline(__always) public mutating func append(_ element: consuming Element) {
        elements.append(consume element)
    }

    @inlinable @inline(__always) public mutating func popFirst() -> Element? {
        guard next < elements.count else { return nil }
        var first: Element?
        swap(&first, &elements[next])
        next += 1
        if next == elements.count || next >= 1_024 { compact() }
        return first
    }

    @inlinable public var last: Element? { isEmpty ? nil : elements[elements.count - 1] }

    @inlinable public mutating func popLast() -> Element? { isEmpty ? nil : elements.removeLast() }

    /// Changes the element at an index from 0, the first.
    @inlinable public mutating func update<Result>(_ index: Int, _ body: (inout Element) -> Result) -> Result {
        precondition(index < count, "the index of an element")
        return body(&elements[next + index]!)
    }

    /// Lets go of places that were taken out, once they are as many as the others.
    @inlinable public mutating func compact() {
        if next == elements.count {
            elements.removeAll(keepingCapacity: next <= 1_024)
            next = 0
        } else if next >= elements.count / 2 {
            elements.removeFirst(next)
            next = 0
        }
    }

    @inlinable public mutating func removeAll() {
        elements = []
        next = 0
    }
}
