/// A queue of work that waits for its next share of the loop's time.
///
/// First in, first out, without moving the others.
package struct FairQueue<Element> {
    private var elements: [Element] = []
    private var next = 0

    package init() {}

    package var count: Int { elements.count - next }
    package var first: Element? { next < elements.count ? elements[next] : nil }
    package var isEmpty: Bool { next == elements.count }

    package mutating func append(_ element: Element) { elements.append(element) }

    package mutating func popFirst() -> Element? {
        guard next < elements.count else { return nil }
        let first = elements[next]
        next += 1
        if next == elements.count {
            elements.removeAll(keepingCapacity: next <= 1_024)
            next = 0
        } else if next >= 1_024, next >= elements.count / 2 {
            elements.removeFirst(next)
            next = 0
        }
        return first
    }

    package mutating func removeAll() {
        elements = []
        next = 0
    }
}
