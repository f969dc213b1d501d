import Testing

@testable import PharosServices

@Suite("elements by place")
struct SlotTableTests {
    private final class Element {
        let number: Int
        init(_ number: Int) { self.number = number }
    }

    @Test("they stay where they are while it grows, and are let go with it")
    func growing() {
        weak var kept: Element?
        do {
            var places = SlotTable<Element>()
            places.insert(Element(0), at: 0)
            let address = places.address(of: 0)
            for number in stride(from: 7, to: 3_000, by: 7) { places.insert(Element(number), at: number) }
            let (now, count, number) = (places.address(of: 0), places.count, places[2_100].number)
            #expect(now == address && count == 429 && number == 2_100)
            let taken = (0..<3_000).filter { places.contains($0) }
            #expect(taken == Array(stride(from: 0, to: 3_000, by: 7)))
            places.remove(at: 2_100)
            let (isThere, isBeyond) = (places.contains(2_100), places.contains(1_000_000))
            #expect(!isThere && !isBeyond)
            kept = places[700]
            #expect(kept != nil)
        }
        #expect(kept == nil)
    }

    private struct Single: ~Copyable {
        let element: Element
        var changes = 0
        mutating func change() { changes += 1 }
    }

    @Test("elements that cannot be copied are changed in place, and let go once")
    func noncopyable() {
        weak var kept: Element?
        var places = SlotTable<Single>()
        do {
            let element = Element(1)
            kept = element
            places.insert(Single(element: element), at: 600)
        }
        places[600].change()
        places[600].change()
        let (changes, number, count) = (places[600].changes, places[600].element.number, places.count)
        #expect(changes == 2 && number == 1 && count == 1)
        #expect(kept != nil)
        places.remove(at: 600)
        let isThere = places.contains(600)
        #expect(!isThere && kept == nil)
    }

    @Test("a place that may be free is read, filled, changed and freed")
    func optional() {
        var places = SlotTable<String>()
        places[at: 300]?.append("nobody")
        let (nothing, none) = (places[at: 300], places.count)
        #expect(nothing == nil && none == 0)
        places[at: 300] = "one"
        places[at: 300]?.append(" more")
        let (changed, one) = (places[at: 300], places.count)
        #expect(changed == "one more" && one == 1)
        places[at: 300] = nil
        let (freed, left) = (places[at: 300], places.count)
        #expect(freed == nil && left == 0)
    }
}
