/// Hash tags whose slots are spread evenly over the cluster.
///
/// The slots are divided into as many equal ranges as tags are wanted, and each tag is in the middle half of its range:
/// nodes that have ranges of slots of equal size then have numbers of tags that differ by two at most, and equal ones if
/// the number of nodes divides that of tags. The numbers from 0 upward are no such tags: their slots lie close together.
///
/// The tags are part of the names of stored keys: for one count they must stay the same for ever.
package enum ClusterTags {
    private static let alphabet = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)

    /// Finds tags, ordered by their slots; short ones first are tried.
    ///
    /// Tries all texts of one letter or digit, then of two, and so on; 2 characters do for 128 tags, 4 for any count.
    /// Well under a second for any count.
    ///
    /// - Parameter count: from 1 to 16,384.
    package static func search(count: Int) -> [String] {
        precondition((1...ClusterSlots.count).contains(count), "there are from 1 to 16,384 tags")
        var tags = [[UInt8]?](repeating: nil, count: count)
        var missing = count
        var candidate: [UInt8] = []
        var digits: [Int] = []
        while missing > 0 {
            advance(&digits)
            candidate.removeAll(keepingCapacity: true)
            candidate.append(contentsOf: digits.reversed().lazy.map { alphabet[$0] })
            let slot = Int(CRC16.checksum(candidate)) % ClusterSlots.count
            let range = slot * count / ClusterSlots.count
            guard tags[range] == nil, isCentral(slot, range: range, count: count) else { continue }
            tags[range] = candidate
            missing -= 1
        }
        return tags.map { String(decoding: $0 ?? [], as: UTF8.self) }
    }

    /// Whether a slot of a range is in its middle half, or next to its middle.
    private static func isCentral(_ slot: Int, range: Int, count: Int) -> Bool {
        let first = (range * ClusterSlots.count + count - 1) / count
        let last = ((range + 1) * ClusterSlots.count + count - 1) / count - 1
        return abs(2 * slot - first - last) <= max(1, (last - first) / 2)
    }

    /// The next text, as indices of the alphabet from the last character to the first.
    private static func advance(_ digits: inout [Int]) {
        for index in digits.indices {
            digits[index] += 1
            guard digits[index] == alphabet.count else { return }
            digits[index] = 0
        }
        digits.append(0)
    }
}
