import Testing

@testable import PharosEdge

@Suite("blocks")
struct BlockPoolTests {
    @Test("a block has room for what was asked for", arguments: [1, 512, 513, 4_096, 4_097, 32_768, 32_769, 1_000_000])
    func room(_ size: Int) {
        var pool = BlockPool()
        let block = pool.take(capacity: size)
        #expect(block.room >= size)
        #expect(block.pointee.references == 1)
        #expect(block.pointee.count == 0)
        let bytes = [UInt8](repeating: 7, count: size)
        bytes.withUnsafeBytes { block.append($0) }
        #expect(Int(block.pointee.count) == size)
        #expect(UnsafeBufferPointer(start: block.bytes, count: size).allSatisfy { $0 == 7 })
        pool.release(block)
    }

    @Test("a block lives until its last reference is given back")
    func references() {
        var pool = BlockPool()
        let block = pool.take(capacity: 100)
        [UInt8](repeating: 9, count: 100).withUnsafeBytes { block.append($0) }
        pool.retain(block)
        pool.release(block)
        #expect(block.pointee.references == 1)
        #expect(block.bytes[99] == 9)
        let other = pool.take(capacity: 100)
        #expect(other != block)
        pool.release(other)
        pool.release(block)
    }

    @Test("a released block is used again, empty")
    func reuse() {
        var pool = BlockPool()
        for size in [100, 1_000, 10_000] {
            let block = pool.take(capacity: size)
            [UInt8](repeating: 9, count: size).withUnsafeBytes { block.append($0) }
            pool.release(block)
            let again = pool.take(capacity: size)
            #expect(again == block)
            #expect(again.pointee.count == 0)
            #expect(again.pointee.references == 1)
            pool.release(again)
        }
    }

    @Test("more blocks than the pool keeps come back to the system, and the rest is used again")
    func bounded() {
        var pool = BlockPool()
        let blocks = (0..<200).map { _ in pool.take(capacity: 500) }
        #expect(Set(blocks).count == 200)
        for block in blocks { pool.release(block) }
        let again = (0..<200).map { _ in pool.take(capacity: 500) }
        #expect(Set(again).count == 200)
        for block in again { pool.release(block) }
    }
}
