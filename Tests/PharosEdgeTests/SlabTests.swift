import Testing

@testable import PharosEdge

@Suite("slabs")
struct SlabTests {
    @Test("places are given out in order; the last one freed is used first, with its content still there")
    func places() {
        var slab = Slab<Int>(capacity: 3)
        #expect(slab.take(initial: 10)?.index == 0)
        #expect(slab.take(initial: 11)?.index == 1)
        #expect(slab.count == 2)
        slab[0].pointee = 42
        slab.give(back: 1)
        slab.give(back: 0)
        #expect(slab.count == 0)
        #expect(slab.highWater == 2)
        let again = slab.take(initial: 12)
        #expect(again?.index == 0)
        #expect(again?.isReused == true)
        #expect(slab[0].pointee == 42)
    }

    @Test("a full slab gives nothing until a place is free")
    func full() {
        var slab = Slab<Int>(capacity: 2)
        _ = slab.take(initial: 0)
        _ = slab.take(initial: 0)
        #expect(slab.take(initial: 0) == nil)
        slab.give(back: 1)
        #expect(slab.take(initial: 0)?.index == 1)
        #expect(slab.take(initial: 0) == nil)
    }

    @Test("entries never move")
    func stable() {
        var slab = Slab<Int>(capacity: 1_000)
        guard let first = slab.take(initial: 7) else { return }
        let address = slab[first.index]
        for number in 0..<999 { _ = slab.take(initial: number) }
        #expect(slab[first.index] == address)
        #expect(address.pointee == 7)
    }

    @Test("a growing slab keeps its entries while it grows, and uses freed places first")
    func growing() {
        var slab = GrowingSlab<Node>(capacity: 2)
        let indices = (0..<1_000).map { slab.take(Node(topic: UInt32($0), indexInTopic: 5)) }
        #expect(indices == (0..<1_000).map { UInt32($0) })
        #expect(indices.allSatisfy { slab[$0].pointee.topic == $0 })
        for index in stride(from: UInt32(0), to: 1_000, by: 3) { slab.give(back: index) }
        let reused = (0..<334).map { slab.take(Node(topic: UInt32(5_000 + $0), indexInTopic: 1)) }
        #expect(Set(reused) == Set(stride(from: UInt32(0), to: 1_000, by: 3)))
        #expect(slab.take(Node(topic: 1, indexInTopic: 1)) == 1_000)
        #expect(slab[1].pointee.topic == 1)
    }
}
