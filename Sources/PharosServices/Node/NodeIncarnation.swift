import PharosDomain

/// One life of one node: a process that is started again is another incarnation.
///
/// Ids of clients name it, so that a message to a client finds its node, and an id from before a restart finds none.
struct NodeIncarnation: Hashable, Sendable {
    let name: NodeName
    /// 24 random bits, the same in all ids that this process gives.
    let mark: UInt64

    private static var randomBits: Int { 64 - ClientID.nodeMarkBits }

    init(name: NodeName, random: UInt64) { self.init(name: name, mark: random >> UInt64(NodeIncarnation.randomBits)) }

    init(name: NodeName, mark: UInt64) {
        self.name = name
        self.mark = mark
    }

    /// The id of a client of this incarnation.
    ///
    /// - Parameter low: where the client is in this process.
    func clientID(random: UInt64, low: UInt64) -> ClientID {
        let free = random & (1 << UInt64(NodeIncarnation.randomBits) - 1)
        return ClientID(high: mark << UInt64(NodeIncarnation.randomBits) | free, low: low)
    }

    /// Whether this incarnation may have given the id.
    func gave(_ client: ClientID) -> Bool { client.nodeMark == mark }
}
