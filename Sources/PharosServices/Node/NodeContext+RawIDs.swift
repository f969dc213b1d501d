import PharosProtocol

/// Makes the ids of raw connections, and recognizes them.
///
/// Ids that this process gave differ from those that somebody made up, also when their connection is over.
extension NodeContext {
    func makeRawID(place: UInt64, random: UInt64) -> RawConnectionID {
        RawConnectionID(place: place, tag: .init(high: random, low: seal(place, random)))
    }

    func gave(_ id: RawConnectionID) -> Bool { id.tag.low == seal(id.place, id.tag.high) }

    /// SipHash with a key of this process.
    ///
    /// A connection itself is found by all 20 bytes of its id.
    private func seal(_ place: UInt64, _ random: UInt64) -> UInt32 {
        var hasher = Hasher()
        hasher.combine(clientIDSecret)
        hasher.combine(place)
        hasher.combine(random)
        return UInt32(truncatingIfNeeded: hasher.finalize())
    }
}
