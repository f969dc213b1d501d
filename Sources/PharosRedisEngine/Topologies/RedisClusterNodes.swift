import PharosLinks
import PharosRedis

/// The masters of a cluster, each with the channels of its slots.
///
/// One connection, to any node that answers, asks for the map of slots: now and then, and when a server redirects, ends
/// a subscription or is away.
final class RedisClusterNodes: RedisTopology, RedisConnectionOwner {
    private let seeds: [LinkAddress]
    private let settings: RedisEngineSettings
    private let names: RedisNames
    private let report: (String) -> Void
    private weak var owner: (any RedisTopologyOwner)?
    private var asking: RedisConnection! = nil
    private var loop: LinkLoop!
    private var nodes: [LinkAddress: RedisMaster] = [:]
    /// Maps since a node had slots.
    private var unused: [LinkAddress: Int] = [:]
    private var map = ClusterMap()
    private var isKnown = false
    private var isAsking = false
    private var isClosed = false
    /// When the map was asked for last; monotonic milliseconds.
    private var askedMs = Int64.min / 2
    /// Since when a master has been away.
    private var absentMs: Int64?

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

    // MARK: The map

    func look() {
        guard !isClosed, !isAsking, asking.isReady, loop.nowMs - askedMs >= 100 else { return }
        isAsking = true
        askedMs = loop.nowMs
        asking.send(["CLUSTER", "SLOTS"], withinMs: settings.requestTimeoutMs) { [weak self] result in
            guard let self else { return }
            self.isAsking = false
            switch result {
            case .success(let reply):
                guard let new = ClusterMap(reply, host: self.asking.address?.host ?? "") else {
                    return self.report("CLUSTER SLOTS gave a reply of another form")
                }
                guard !new.masters.isEmpty else { return self.asking.reconnect("it knows no slots") }
                self.take(new)
            case .failure(.server(let error)):
                self.report("the map of slots was refused: \(error)")
                self.asking.reconnect("\(error)")
            case .failure: break
            }
        }
    }

    private func take(_ new: ClusterMap) {
        guard !isClosed else { return }
        let isNew = new != map || !isKnown
        (map, isKnown) = (new, true)
        use(new)
        if isNew {
            owner?.topologyChanged()
        } else if masters.allSatisfy(\.isBack) {
            absentMs = nil
        } else if let since = absentMs, loop.nowMs - since > 2_000 {
            // This node may be cut off from the others.
            absentMs = nil
            asking.reconnect("another node is asked")
        } else {
            absentMs = absentMs ?? loop.nowMs
        }
        // Not before channels have left.
        for (address, count) in unused where count > 2 {
            unused[address] = nil
            nodes.removeValue(forKey: address)?.close()
        }
    }

    /// Connects to the masters of a map, and notes those that are in it no more.
    private func use(_ map: ClusterMap) {
        let used = Set(map.masters)
        for address in used {
            unused[address] = nil
            let master = node(at: address)
            if master.probe.map({ map[$0.tag] != address }) ?? true, let tag = map.tag(of: address) {
                master.setProbe(names.probe(tag: tag, mark: RedisEngineCore.mark()), tag: tag)
            }
        }
        for address in nodes.keys where !used.contains(address) { unused[address, default: 0] += 1 }
    }

    private func node(at address: LinkAddress) -> RedisMaster {
        if let known = nodes[address] { return known }
        guard let owner else { preconditionFailure("the owner ends its topology before itself") }
        let master = RedisMaster(settings, isShard: true, verifiesRole: true, report: report, owner: owner)
        nodes[address] = master
        master.connect(to: [address], on: loop)
        return master
    }

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
