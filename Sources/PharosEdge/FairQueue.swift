/// A queue of work that waits for its next share of the loop's time.
///
/// First in, first out, without moving the others. Always inlined, since messages and commands pass through such queues, and
/// a generic type of another module is not specialized otherwise.
package struct FairQueue<Element> {
    /// Elements that were taken out are nil.
    @usableFromInline package var elements: [Element?] = []
    @usableFromInline package var next = 0

    @inlinable package init() {}

    @inlinable @inline(__always) package var count: Int { elements.count - next }
    @inlinable @inline(__always) package var first: Element? { next < elements.count ? elements[next] : nil }
    @inlinable @inline(__always) package var isEmpty: Bool { next == elements.count }

    @inlinable @inline(__always) package mutating func append(_ element: consuming Element) {
        elements.append(consume element)
    }

    @inlinable @inline(__always) package mutating func popFirst() -> Element? {
        guard next < elements.count else { return nil }
        var first: Element?
        swap(&first, &elements[next])
        next += 1
        if next == elements.count || next >= 1_024 { compact() }
        return first
    }

    /// Lets go of places that were taken out, once they are as many as the others.
    @inlinable package mutating func compact() {
        if next == elements.count {
            elements.removeAll(keepingCapacity: next <= 1_024)
            next = 0
        } else if next >= elements.count / 2 {
            elements.removeFirst(next)
            next = 0
        }
    }

    @inlinable package mutating func removeAll() {
        elements = []
        next = 0
    }
}
