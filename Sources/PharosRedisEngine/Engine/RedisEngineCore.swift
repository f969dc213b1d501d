import PharosBytes
import PharosCluster
import PharosDomain
import PharosLinks
import PharosRedis

/// The engine's work on the link thread.
///
/// Requests become commands; replies and messages become reports. Made on another thread and then used on the link thread only; therefore `@unchecked Sendable`.
final class RedisEngineCore: RedisTopologyOwner, @unchecked Sendable {
    /// One request of a relay.
    struct Ask: Sendable {
        var request: EngineRequest
        var ticket: UInt64
        var relay: Int
        /// Bytes that count against the limit of what is open.
        var bytes: Int
    }

    typealias Outcome = Result<EngineOutcome, ReplyError>

    /// A random text, for epochs and for the names of probes: eight letters and digits.
    static func mark() -> String { FirstEpochs.name(.random(in: .min ... .max)).text }

    let settings: RedisEngineSettings
    let names: RedisNames
    /// The mark of this backend in messages.
    let sender = UInt64.random(in: 1 ... .max)
    var lastNumber: UInt64 = 0
    var inboxes: [Int: EngineInbox] = [:]
    var followed = FollowedChannels<Ask>()
    var own = OwnPublications<(ask: Ask, outcome: Outcome), ObjectIdentifier>()
    /// The publications that are being sent together.
    var round: EngineRound?
    /// Requests that wait until it is known who has their channel.
    var unrouted: [Ask] = []
    /// The masters that followed channels are subscribed at.
    var homes: [ChannelName: RedisMaster] = [:]
    /// Whether the relays were told that links are lost.
    var isLost = false
    var isClosed = false
    var topology: (any RedisTopology)! = nil
    private(set) var loop: LinkLoop!
    private var reported: [String: Int64] = [:]
    let completed: @Sendable (_ bytes: Int) -> Void
    private let setHealth: @Sendable (EngineHealth) -> Void

    /// - Parameters:
    ///   - completed: called with the size of each request that is over.
    ///   - setHealth: called when the state of a link has changed.
    init(
        _ settings: RedisEngineSettings, completed: @escaping @Sendable (_ bytes: Int) -> Void,
        setHealth: @escaping @Sendable (EngineHealth) -> Void
    ) {
        self.settings = settings
        self.completed = completed
        self.setHealth = setHealth
        names = RedisNames(prefix: settings.prefix)
    }

    /// Begins to connect.
    func start(on loop: LinkLoop) {
        self.loop = loop
        topology = RedisEngineCore.topology(settings, report: { [weak self] in self?.report($0) }, owner: self)
        topology.start(on: loop)
        noteHealth()
        tick()
    }

    static func topology(
        _ settings: RedisEngineSettings, report: @escaping (String) -> Void, owner: any RedisTopologyOwner
    ) -> any RedisTopology {
        switch settings.topology {
        case .standalone(let addresses):
            IndependentServers(addresses.map { [$0] }, settings, report: report, owner: owner)
        case .sentinel(let name, let sentinels):
            SentinelMaster(name, sentinels, settings, report: report, owner: owner)
        case .cluster(let seeds): RedisClusterNodes(seeds, settings, report: report, owner: owner)
        }
    }

    // MARK: Time

    /// Looks at links and at answers that wait, until the engine is closed.
    private func tick() {
        guard !isClosed else { return }
        let now = loop.nowMs
        for waited in own.expire(nowMs: now) { complete(waited.ask, waited.outcome) }
        for master in topology.masters { master.look(at: now) { [weak self] in self?.probe($0) } }
        endRound()
        loop.after(min(max(settings.probeAfterMs / 8, 5), 250)) { [weak self] in self?.tick() }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        topology.close()
        for waited in own.expire(nowMs: .max) { complete(waited.ask, waited.outcome) }
        for ask in unrouted { complete(ask, .failure(.engineClosed)) }
        unrouted = []
        for channel in Array(followed.channels) {
            for ask in followed.set(.lost, channel) { complete(ask, .failure(.engineClosed)) }
        }
        setHealth(EngineHealth(isReady: false, links: ["closed"]))
    }

    // MARK: Operators

    /// Tells operators, the same thing at most once in ten seconds.
    func report(_ text: String) {
        let now = loop.nowMs
        if let last = reported[text], now - last < 10_000 { return }
        if reported.count > 100 { reported = [:] }
        reported[text] = now
        settings.report(text)
    }

    func noteHealth() {
        guard !isClosed else { return }
        let masters = topology.masters
        let isReady = !masters.isEmpty && masters.allSatisfy { $0.isBack && $0.refusal == nil }
        setHealth(EngineHealth(isReady: isReady, links: topology.health + masters.flatMap(\.health)))
    }
}
