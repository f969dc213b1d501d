import Testing

@testable import PharosServices

@Suite("elements by slot")
struct SlotTableTests {
    private final class Element {
        let number: Int
        init(_ number: Int) { self.number = number }
    }

    @Test("they stay where they are while it grows, and are let go with it")
    func growing() {
        weak var kept: Element?
        do {
            var slots = SlotTable<Element>()
            slots.insert(Element(0), at: 0)
            let address = slots.address(of: 0)
            for number in stride(from: 7, to: 3_000, by: 7) { slots.insert(Element(number), at: number) }
            let (now, count, number) = (slots.address(of: 0), slots.count, slots[2_100].number)
            #expect(now == address && count == 429 && number == 2_100)
            let taken = (0..<3_000).filter { slots.contains($0) }
            #expect(taken == Array(stride(from: 0, to: 3_000, by: 7)))
            slots.remove(at: 2_100)
            let (isThere, isBeyond) = (slots.contains(2_100), slots.contains(1_000_000))
            #expect(!isThere && !isBeyond)
            kept = slots[700]
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
        var slots = SlotTable<Single>()
        do {
            let element = Element(1)
            kept = element
            slots.insert(Single(element: element), at: 600)
        }
        slots[600].change()
        slots[600].change()
        let (changes, number, count) = (slots[600].changes, slots[600].element.number, slots.count)
        #expect(changes == 2 && number == 1 && count == 1)
        #expect(kept != nil)
        slots.remove(at: 600)
        let isThere = slots.contains(600)
        #expect(!isThere && kept == nil)
    }

    @Test("a slot that may be free is read, filled, changed and freed")
    func optional() {
        var slots = SlotTable<String>()
        slots[at: 300]?.append("nobody")
        let (nothing, none) = (slots[at: 300], slots.count)
        #expect(nothing == nil && none == 0)
        slots[at: 300] = "one"
        slots[at: 300]?.append(" more")
        let (changed, one) = (slots[at: 300], slots.count)
        #expect(changed == "one more" && one == 1)
        slots[at: 300] = nil
        let (freed, left) = (slots[at: 300], slots.count)
        #expect(freed == nil && left == 0)
    }
}
