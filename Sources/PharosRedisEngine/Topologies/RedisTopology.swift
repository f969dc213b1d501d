import PharosLinks
import PharosRedis

/// Which master has a channel. Link thread only.
///
/// There is one for each topology: independent servers, a master named by sentinels, or a cluster.
protocol RedisTopology: AnyObject {
    /// Begins to connect.
    func start(on loop: LinkLoop)

    /// The masters that have channels now.
    var masters: [RedisMaster] { get }

    /// The master that has the channels with a tag.
    ///
    /// Nil: it is not known, or there is none.
    func master(ofTag tag: Int) -> RedisMaster?

    /// Whether the masters are being asked for.
    ///
    /// Then a request may wait for the answer.
    var isLooking: Bool { get }

    /// Something shows that the masters may be others than those that are known.
    func look()

    /// The server said that another one has the slot; returns that one.
    func redirected(_ redirection: RedisRedirection, isLasting: Bool, from master: RedisMaster) -> RedisMaster?

    /// Lines for operators about what it asks.
    var health: [String] { get }

    func close()
}

/// The receiver of what a topology finds out.
protocol RedisTopologyOwner: RedisMasterOwner {
    /// Channels may be on other masters than before, or the search has failed.
    func topologyChanged()
}

/// Independent servers, over which channels are spread by hash.
///
/// The order of the addresses decides, and must be the same on all nodes.
final class IndependentServers: RedisTopology {
    private let addresses: [[LinkAddress]]
    let masters: [RedisMaster]

    /// - Parameter addresses: of each server; several only where any of them does.
    init(
        _ addresses: [[LinkAddress]], _ settings: RedisEngineSettings, report: @escaping (String) -> Void,
        owner: any RedisTopologyOwner
    ) {
        precondition(!addresses.isEmpty, "there is a server")
        self.addresses = addresses
        masters = addresses.map { _ in
            RedisMaster(settings, isShard: false, verifiesRole: false, report: report, owner: owner)
        }
        let names = RedisNames(prefix: settings.prefix)
        for (index, master) in masters.enumerated() {
            let tag = (0..<RedisNames.tagCount).first { $0 % masters.count == index } ?? 0
            master.probe = (names.probe(tag: tag, mark: RedisEngineCore.mark()), tag)
        }
    }

    func start(on loop: LinkLoop) {
        for (master, address) in zip(masters, addresses) { master.connect(to: address, on: loop) }
    }

    func master(ofTag tag: Int) -> RedisMaster? { masters[tag % masters.count] }

    var isLooking: Bool { false }
    func look() {}
    func redirected(_ redirection: RedisRedirection, isLasting: Bool, from master: RedisMaster) -> RedisMaster? { nil }
    var health: [String] { [] }
    func close() { for master in masters { master.close() } }
}
