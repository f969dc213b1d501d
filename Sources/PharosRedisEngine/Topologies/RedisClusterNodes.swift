import PharosLinks
import PharosRedis

/// The masters of a cluster, each with the channels of its slots.
///
/// One connection, to any node that answers, asks for the map of slots: now and then, and when a server redirects, ends
/// a subscription or is away.
final class RedisClusterNodes: RedisTopology, RedisConnectionOwner {
    let seeds: [LinkAddress]
    let settings: RedisEngineSettings
    let names: RedisNames
    let report: (String) -> Void
    weak var owner: (any RedisTopologyOwner)?
    var asking: RedisConnection! = nil
    var loop: LinkLoop!
    var nodes: [LinkAddress: RedisMaster] = [:]
    /// Maps since a node had slots.
    var unused: [LinkAddress: Int] = [:]
    var map = ClusterMap()
    var isKnown = false
    var isAsking = false
    var isClosed = false
    /// When the map was asked for last; monotonic milliseconds.
    var askedMs = Int64.min / 2
    /// Since when a master has been away.
    var absentMs: Int64?

    init(
        _ seeds: [LinkAddress], _ settings: RedisEngineSettings, report: @escaping (String) -> Void,
        owner: any RedisTopologyOwner
    ) {
        self.seeds = seeds
        self.settings = settings
        self.report = report
        self.owner = owner
        names = RedisNames(prefix: settings.prefix)
        asking = RedisConnection("map of slots", settings.link, settings.session, owner: self)
    }

    func start(on loop: LinkLoop) {
        self.loop = loop
        asking.connect(to: seeds, on: loop)
        tick()
    }

    var masters: [RedisMaster] { map.masters.compactMap { nodes[$0] } }
    func master(ofTag tag: Int) -> RedisMaster? { map[tag].flatMap { nodes[$0] } }
    var isLooking: Bool { !isKnown && !asking.isDown }

    func redirected(_ redirection: RedisRedirection, isLasting: Bool, from master: RedisMaster) -> RedisMaster? {
        guard !isClosed, let host = redirection.host ?? master.commands.address?.host else { return nil }
        let address = LinkAddress(host: host, port: redirection.port)
        let target = node(at: address)
        guard isLasting else { return target }
        if map.move(slot: redirection.slot, to: address) {
            use(map)
            // Not while the reply to a request is being looked at.
            loop.after(0) { [weak self] in self?.owner?.topologyChanged() }
        }
        look()
        return target
    }

    private func tick() {
        guard !isClosed else { return }
        let isWhole = isKnown && masters.allSatisfy(\.isBack)
        if !isWhole || loop.nowMs - askedMs >= settings.topologyIntervalMs { look() }
        loop.after(min(settings.topologyIntervalMs, 500)) { [weak self] in self?.tick() }
    }

    var health: [String] { ["\(asking.address?.description ?? "unknown") \(asking.purpose): \(asking.state)"] }

    func close() {
        isClosed = true
        asking.close()
        for node in nodes.values { node.close() }
    }

    // MARK: RedisConnectionOwner

    func greeted(_ connection: RedisConnection, _ server: RedisServer) {
        connection.becomeReady()
        look()
    }

    func lost(_ connection: RedisConnection) {
        isAsking = false
        if !isKnown { owner?.topologyChanged() }
        // Nodes that joined later can be asked as well.
        let all = (seeds + map.masters).reduce(into: [LinkAddress]()) { if !$0.contains($1) { $0.append($1) } }
        loop.after(0) { [weak self] in
            guard let self, !self.isClosed else { return }
            self.asking.connect(to: all, on: self.loop)
        }
    }

    func heard(_ event: RedisEvent, _ connection: RedisConnection) {}
}
