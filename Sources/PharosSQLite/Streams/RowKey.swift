/// The key of a publication's row.
///
/// It has the stream's id in the upper 37 bits, the lower 27 bits of the offset below.
///
/// So the rows of a stream lie next to one another, in the order of their offsets, and are found by number. A stream keeps
/// far fewer rows than 2^27: offsets may go on beyond that without two rows ever meeting, but a range of offsets can be two
/// ranges of keys.
struct RowKey: Equatable {
    let value: Int64

    init(id: UInt64, offset: UInt64) {
        value = Int64(bitPattern: id << RowKey.offsetBits | offset & RowKey.offsetMask)
    }

    /// Ids are below this.
    static let idLimit: UInt64 = 1 << (64 - offsetBits)
    /// The largest history: half the room.
    ///
    /// Rows that wait for deletion have the other half.
    static let mostRows = 1 << (offsetBits - 1)

    private static let offsetBits: UInt64 = 27
    private static let offsetMask: UInt64 = 1 << offsetBits - 1

    /// All keys that a stream of this id can have.
    static func all(of id: UInt64) -> ClosedRange<Int64> {
        RowKey(id: id, offset: 0).value...RowKey(id: id, offset: offsetMask).value
    }

    /// The keys of these offsets, in their order.
    static func ranges(id: UInt64, _ offsets: ClosedRange<UInt64>) -> [ClosedRange<Int64>] {
        let first = RowKey(id: id, offset: offsets.lowerBound).value
        let last = RowKey(id: id, offset: offsets.upperBound).value
        if first <= last { return [first...last] }
        let all = all(of: id)
        return [first...all.upperBound, all.lowerBound...last]
    }
}
