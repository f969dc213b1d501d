import PharosBytes
import PharosTestKit
import Testing

@Suite("Queue")
struct FIFOTests {
    @Test("it is what an array is, whatever is added and taken", arguments: 0..<10)
    func likeAnArray(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        var queue = FIFO<Int>()
        var array: [Int] = []
        // Seeds with many additions make it long enough for elements taken to be dropped.
        let additions = 4 + seed % 3
        for number in 0..<20_000 {
            if Int.random(in: 0..<10, using: &generator) < (number < 10_000 ? additions + 2 : additions - 1) {
                queue.append(number)
                array.append(number)
            } else if number % 11 == 0 {
                let (last, expected) = (queue.popLast(), array.popLast())
                #expect(last == expected)
            } else {
                let (first, expected) = (queue.popFirst(), array.isEmpty ? nil : array.removeFirst())
                #expect(first == expected)
            }
            #expect(queue.count == array.count)
            #expect(queue.first == array.first)
            #expect(queue.last == array.last)
        }
    }

    @Test("an element can be changed where it stands")
    func update() {
        var queue = FIFO<Int>()
        for number in 0..<3 { queue.append(number) }
        #expect(queue.popFirst() == 0)
        queue.update(1) { $0 = 20 }
        #expect(queue.popFirst() == 1)
        #expect(queue.popFirst() == 20)
        #expect(queue.popFirst() == nil)
    }
}
