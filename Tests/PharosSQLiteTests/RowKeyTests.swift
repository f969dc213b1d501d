import Testing

@testable import PharosSQLite

@Suite("keys of publications' rows")
struct RowKeyTests {
    @Test("the rows of a stream lie next to one another, away from those of others")
    func ranges() {
        for id: UInt64 in [1, 2, 3, 1 << 36, RowKey.idLimit - 1] {
            let all = RowKey.all(of: id)
            #expect(all.count == 1 << 27)
            #expect(RowKey.ranges(id: id, 1...50) == [all.lowerBound + 1...all.lowerBound + 50])
        }
        #expect(RowKey.all(of: 2).lowerBound == RowKey.all(of: 1).upperBound + 1)
    }

    @Test("offsets beyond 2^27 begin at the front again: their keys are two ranges, in order")
    func wrapping() {
        let all = RowKey.all(of: 7)
        let turn: UInt64 = 5 << 27
        #expect(
            RowKey.ranges(id: 7, turn - 3...turn + 2)
                == [all.upperBound - 2...all.upperBound, all.lowerBound...all.lowerBound + 2])
        #expect(RowKey.ranges(id: 7, turn - 1...turn - 1) == [all.upperBound...all.upperBound])
        #expect(RowKey.ranges(id: 7, turn...turn) == [all.lowerBound...all.lowerBound])
        #expect(RowKey.ranges(id: 7, UInt64.max - 1...UInt64.max).count == 1)
    }

    @Test("a changed bit, a moved boundary and a missing byte change the checksum")
    func checksums() {
        func sum(_ parts: [UInt8]...) -> Int64 {
            var sum = RowChecksum()
            for part in parts { part.withUnsafeBytes { sum.add($0) } }
            return sum.value
        }
        let bytes = (0..<100).map { UInt8($0) }
        let whole = sum(bytes)
        for index in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << UInt8(bit)
                #expect(sum(changed) != whole)
            }
            #expect(sum(Array(bytes.prefix(index))) != whole)
            #expect(sum(Array(bytes.prefix(index)), Array(bytes.suffix(from: index))) != whole)
        }
        #expect(sum([0]) != sum([0, 0]))
    }
}
