import PharosLinks
import PharosRedis

/// The one master that sentinels name, and another one after a failover.
///
/// One connection asks, and one listens to `+switch-master`; both go to any sentinel that answers. What a sentinel says is
/// verified, since it may be late: the server has to call itself a master.
final class SentinelMaster: RedisTopology {
    let name: String
    let sentinels: [LinkAddress]
    let settings: RedisEngineSettings
    let report: (String) -> Void
    weak var owner: (any RedisTopologyOwner)?
    let master: RedisMaster
    var asking: RedisConnection! = nil
    var listening: RedisConnection! = nil
    var loop: LinkLoop!
    var address: LinkAddress?
    /// The newest of the failovers that sentinels have told of.
    var epoch: Int64 = 0
    /// When the master was there last; monotonic milliseconds.
    var backMs: Int64 = 0
    var isAsking = false
    var isClosed = false
    /// When the master was asked for last; monotonic milliseconds.
    var askedMs = Int64.min / 2
    /// Since when the answer leads to none.
    var absentMs: Int64?

    init(
        _ name: String, _ sentinels: [LinkAddress], _ settings: RedisEngineSettings,
        report: @escaping (String) -> Void, owner: any RedisTopologyOwner
    ) {
        self.name = name
        self.sentinels = sentinels
        self.settings = settings
        self.report = report
        self.owner = owner
        master = RedisMaster(settings, isShard: false, verifiesRole: true, report: report, owner: owner)
        master.probe = (RedisNames(prefix: settings.prefix).probe(tag: 0, mark: RedisEngineCore.mark()), 0)
        asking = RedisConnection("asking", settings.link, settings.sentinelSession, owner: self)
        listening = RedisConnection("listening", settings.link, settings.sentinelSession, owner: self)
    }

    func start(on loop: LinkLoop) {
        self.loop = loop
        backMs = loop.nowMs
        asking.connect(to: sentinels, on: loop)
        listening.connect(to: sentinels, on: loop)
        tick()
    }

    var masters: [RedisMaster] { [master] }
    func master(ofTag tag: Int) -> RedisMaster? { address == nil ? nil : master }
    var isLooking: Bool { address == nil && !asking.isDown }
    func redirected(_ redirection: RedisRedirection, isLasting: Bool, from master: RedisMaster) -> RedisMaster? { nil }

    func look() {
        // What shows a failover shows it many times.
        guard !isClosed, !isAsking, asking.isReady, loop.nowMs - askedMs >= 100 else { return }
        isAsking = true
        askedMs = loop.nowMs
        var epoch: Int64 = 0
        asking.send(["SENTINEL", "MASTER", .text(name)], withinMs: settings.requestTimeoutMs) { result in
            let text = try? result.get().value(for: "config-epoch").text()
            epoch = text.flatMap { Int64($0) } ?? 0
        }
        asking.send(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", .text(name)], withinMs: settings.requestTimeoutMs) {
            [weak self] in
            guard let self else { return }
            self.isAsking = false
            guard case .success(let reply) = $0 else { return }
            if let parts = try? reply.elements(), parts.count == 2, let host = try? parts[0].text(),
                let port = (try? parts[1].text()).flatMap({ UInt16($0) })
            {
                // A sentinel that has not heard of the last failover names the master before.
                // Sentinels that were set up anew count from the beginning, so this does not hold for ever.
                guard epoch >= self.epoch || self.loop.nowMs - self.backMs > 10_000 else {
                    return self.asking.reconnect("another sentinel is asked")
                }
                self.epoch = epoch
                self.found(LinkAddress(host: host, port: port))
            } else {
                self.report("the sentinels know no master \(self.name)")
                self.asking.reconnect("it knows no such master")
            }
        }
    }

    func found(_ new: LinkAddress) {
        guard !isClosed else { return }
        if new != address {
            report("the master \(name) is at \(new)")
            (address, absentMs) = (new, nil)
            master.connect(to: [new], on: loop)
            owner?.topologyChanged()
        } else if master.isBack {
            absentMs = nil
        } else if let since = absentMs, loop.nowMs - since > 2_000 {
            // This sentinel may not have heard of a failover.
            absentMs = nil
            asking.reconnect("another sentinel is asked")
        } else {
            absentMs = absentMs ?? loop.nowMs
        }
    }

    private func tick() {
        guard !isClosed else { return }
        if master.isBack { backMs = loop.nowMs }
        if !master.isBack || loop.nowMs - askedMs >= settings.topologyIntervalMs { look() }
        loop.after(min(settings.topologyIntervalMs, 500)) { [weak self] in self?.tick() }
    }

    var health: [String] {
        [asking, listening].map { "sentinel \($0!.address?.description ?? "unknown") \($0!.purpose): \($0!.state)" }
    }

    func close() {
        isClosed = true
        asking.close()
        listening.close()
        master.close()
    }
}
