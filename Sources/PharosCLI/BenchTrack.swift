/// The messages of one channel that one subscriber has received.
///
/// They came in order, late, twice or never.
///
/// Sixty-four messages back it is exact; a message that comes later than that looks like a repetition and counts as one.
struct BenchTrack: BitwiseCopyable {
    enum Arrival: Equatable {
        case inOrder
        /// New, but after a later one.
        case outOfOrder
        case duplicate
    }

    /// The sequence number after the largest received.
    private var next: UInt32 = 0
    /// Bit n: the message n + 1 before `next` has come.
    private var seen: UInt64 = 0

    mutating func received(_ sequence: UInt32) -> Arrival {
        if sequence >= next {
            let step = UInt64(sequence - next) + 1
            seen = step < 64 ? seen << step | 1 : 1
            next = sequence + 1
            return .inOrder
        }
        let back = next - 1 - sequence
        guard back < 64, seen & (1 << UInt64(back)) == 0 else { return .duplicate }
        seen |= 1 << UInt64(back)
        return .outOfOrder
    }
}
