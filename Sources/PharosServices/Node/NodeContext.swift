import CPharosSys
import PharosBytes
import PharosChannels
import PharosCluster
import PharosDomain
import PharosEdge
import PharosProtocol
import Synchronization

/// The state that all shards of a process share.
///
/// That is settings, each other's mailboxes, and the few limits that span them.
final class NodeContext: Sendable {
    let settings: ServerSettings
    let version: String
    let uid: String
    let verifier: any TokenVerifier
    let stores: StreamStores
    let dialects: DialectTable
    let messages: any NodeMessages
    /// Finds the channels that are occupied on any node.
    ///
    /// nil: this node is alone, or the application did not ask for it.
    let occupancy: ClusterOccupancy?
    /// The other nodes' way here; nil: the server stands alone.
    let cluster: Cluster?
    let sequences: ConnectionSequences
    let incarnation: NodeIncarnation
    let apiAccess: APIAccess
    let application: Application
    let mailboxes: [Mailbox<ShardMail>]
    let origins: OriginRules
    let keylessGuard: KeylessGuard
    let proxies: AddressRules
    let startedMs: Int64
    /// Mixed into client ids, so that they do not show where a connection lives.
    let clientIDSecret: UInt64
    /// Reports events that an operator may want to read in the log.
    let report: @Sendable (ServiceEvent) -> Void
    let refusals: RefusalLedger
    let exclusivePolls: ExclusivePolls
    let users = UserCounts()
    /// Bounds what waits in all connections together; nil: no bound.
    let outputTotal: OutputTotal?
    let bodyBudget: BodyBudget
    let responderPlaces = ResponderPlaces()
    /// The number of the newest client of a message transport.
    let nextMessageClient = Atomic<UInt64>(0)
    private let responderBox = Locked<(any RequestResponder)?>(nil)
    let parked: ParkedSessions
    let rates: RateLimiter
    private let admission: Locked<Admission>
    private let acceptsConnections = Atomic<Bool>(true)
    private let isDraining = Atomic<Bool>(false)

    init(
        settings: ServerSettings, version: String, verifier: any TokenVerifier, stores: StreamStores,
        dialects: DialectTable = .standard, application: Application, cluster: Cluster? = nil, shards: Int,
        nowMs: Int64,
        refusals: RefusalLedger, report: @escaping @Sendable (ServiceEvent) -> Void
    ) throws {
        self.report = report
        self.refusals = refusals
        self.settings = settings
        self.version = version
        self.verifier = verifier
        self.stores = stores
        self.dialects = dialects
        self.application = application
        let mailboxes = (0..<shards).map { _ in Mailbox<ShardMail>() }
        self.mailboxes = mailboxes
        outputTotal = settings.edge.outputLimit > 0 ? OutputTotal(limit: settings.edge.outputLimit) : nil
        bodyBudget = BodyBudget(limit: max(settings.edge.bodyBudget, 2 * settings.api.maxBodySize))
        parked = ParkedSessions(limit: settings.client.sessionLimit)
        rates = RateLimiter(settings.client.rateLimits, nowMs: nowMs)
        origins = OriginRules(globs: settings.client.allowedOrigins)
        keylessGuard = KeylessGuard(settings)
        proxies = try AddressRules(blocks: settings.edge.trustedProxies)
        startedMs = nowMs
        let secret = UInt64.random(in: .min ... .max)
        clientIDSecret = secret
        // The ids of its clients begin as its own does: who has both lists knows which client is where.
        let name = ClientID(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
        uid = name.text
        incarnation = NodeIncarnation(name: NodeName(uid), mark: name.nodeMark)
        self.cluster = cluster
        let exclusivePolls = ExclusivePolls()
        self.exclusivePolls = exclusivePolls
        let local = SingleNode(
            incarnation, mailboxes: mailboxes,
            shard: { client in NodeContext.shard(of: client, secret: secret, count: shards) },
            exclusivePolls: exclusivePolls, owner: { channel in NodeContext.owner(of: channel, count: shards) })
        let (here, sequences) = (incarnation.mark, ConnectionSequences())
        self.sequences = sequences
        let nodes = cluster.map { cluster in
            ClusterNodes(
                local: local, bus: cluster.bus, timing: cluster.timing, mailboxes: mailboxes, sequences: sequences,
                nowMs: nowMs, tellOccupancy: NodeContext.occupancyTeller(application)
            ) { cluster.nodesChanged($0, here: here) }
        }
        cluster?.startOthers(node: here)
        messages = nodes ?? local
        occupancy = nodes?.occupancy
        apiAccess = APIAccess(settings.api)
        admission = Locked(Admission(settings.client, nowMs: nowMs))
    }

    /// Answers what shards do not serve; nil: there is none, or not yet.
    var responder: (any RequestResponder)? { responderBox.withLock { $0 } }

    func setResponder(_ responder: (any RequestResponder)?) { responderBox.withLock { $0 = responder } }

    /// nil: the application did not ask for events of channels.
    private static func occupancyTeller(_ application: Application) -> (@Sendable (ChannelName, Bool) -> Void)? {
        guard let events = application.events, events.notesOccupancy else { return nil }
        return { channel, isOccupied in
            let kind: OriginEvent.Kind = isOccupied ? .occupied : .vacated
            guard events.kinds.contains(kind) else { return }
            var told = OriginEvent(kind, atMs: pharos_wall_ms())
            told.channel = channel
            events.record(told)
        }
    }

    /// The engine of a shard's relay.
    func makeEngine(shard: Int) -> any ChannelEngine {
        let mailbox = mailboxes[shard]
        let wake: @Sendable () -> Void = { mailbox.post(.relayIsDue) }
        if let cluster { return cluster.makeEngine(settings, relay: shard, wake: wake) }
        return InProcessEngine(
            stores, settings: settings.channel,
            idempotencyWindowMs: Int64(settings.api.idempotencyWindow * 1_000), wake: wake)
    }

    /// The shard with a channel's relay.
    func owner(of channel: ChannelName) -> Int { NodeContext.owner(of: channel, count: mailboxes.count) }

    private static func owner(of channel: ChannelName, count: Int) -> Int {
        guard count > 1 else { return 0 }
        // FNV-1a: any stable hash will do, and this one needs no seed.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in channel.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int((hash >> 32) % UInt64(count))
    }

    /// The shard that a connection's name leads to; nil: there is none such.
    func shard(of name: ClientID) -> Int? {
        NodeContext.shard(of: name, secret: clientIDSecret, count: mailboxes.count)
    }

    private static func shard(of name: ClientID, secret: UInt64, count: Int) -> Int? {
        let shard = Int((name.low ^ secret) >> 56)
        return shard < count ? shard : nil
    }

    func post(_ mail: ShardMail, to shard: Int) {
        mailboxes[shard].post(mail)
    }

    /// The status to refuse a connection's upgrade with; nil: it may be upgraded.
    func admit(address: PeerAddress, nowMs: Int64) -> Int? {
        // The end of a connection that began now could not be reported.
        guard isAccepting, settings.engine.roles.contains(.clients), application.events?.isAccepting ?? true else {
            return 503
        }
        return admission.withLock { $0.admit(address: address, nowMs: nowMs) }
    }

    /// A request that waits holds a connection as well; it is not a new one each time.
    func admitPoll(address: PeerAddress) -> Int? {
        guard isAccepting, settings.engine.roles.contains(.clients) else { return 503 }
        return admission.withLock { $0.admitPoll(address: address) }
    }

    /// Whether the number of connections is limited at all.
    ///
    /// Only then polls that wait are counted.
    var limitsConnections: Bool {
        settings.client.connectionLimit > 0 || settings.client.connectionsPerAddress > 0
    }

    /// Whether the user may have one connection more.
    func admit(user: UserID) -> Bool {
        admission.withLock { $0.admit(user: user) }
    }

    func leave(user: UserID) {
        admission.withLock { $0.leave(user: user) }
    }

    /// Numbers a connection of a user of whom only the newest may stay.
    ///
    /// To be given back with `leftNewest`.
    func newestConnection(of user: UserID) -> UInt64 {
        let sequence = sequences.next()
        return admission.withLock { $0.newest(of: user, sequence) }
    }

    func isNewestConnection(of user: UserID, _ sequence: UInt64) -> Bool {
        admission.withLock { $0.isNewest(user, sequence) }
    }

    func leftNewest(of user: UserID) {
        admission.withLock { $0.leftNewest(user) }
    }

    func leave(address: PeerAddress) {
        admission.withLock { $0.leave(address: address) }
    }

    /// Whether anything is counted per address.
    var countsAddresses: Bool {
        settings.client.connectionsPerAddress > 0 || settings.client.rateLimits.perAddress > 0
    }

    /// Whether each connection remembers its address.
    ///
    /// It does where addresses are counted, and where the socket knows the proxy's only.
    var keepsAddresses: Bool { countsAddresses || !proxies.isEmpty }

    var isAccepting: Bool { acceptsConnections.load(ordering: .relaxed) }

    /// Whether new connections should come here.
    var isReady: Bool { isAccepting && !isDraining.load(ordering: .relaxed) }

    /// Says that this node is not ready any more, while it still accepts connections.
    func beginDraining() { isDraining.store(true, ordering: .relaxed) }

    func stopAccepting() { acceptsConnections.store(false, ordering: .relaxed) }
}

/// The limits on connections: in all, per second, per address, per user.
///
/// They are node-wide, so this is used behind a lock.
private struct Admission: Sendable {
    private let connectionLimit: Int
    private let perAddressLimit: Int
    private var bucket: TokenBucket?
    private var connections = 0
    private var byAddress: [PeerAddress: Int] = [:]
    private let perUserLimit: Int
    private var byUser: [UserID: Int] = [:]
    private var newestByUser: [UserID: (sequence: UInt64, connections: Int)] = [:]

    init(_ settings: ClientSettings, nowMs: Int64) {
        connectionLimit = settings.connectionLimit
        perAddressLimit = settings.connectionsPerAddress
        perUserLimit = settings.userConnectionLimit
        if settings.connectionRateLimit > 0 {
            bucket = TokenBucket(
                ratePerSecond: settings.connectionRateLimit, burst: settings.connectionRateLimit, nowMs: nowMs)
        }
    }

    mutating func admit(address: PeerAddress, nowMs: Int64) -> Int? {
        // A refusal for want of room says more than one for haste.
        if let status = admitPoll(address: address) { return status }
        guard bucket?.take(nowMs: nowMs) == false else { return nil }
        leave(address: address)
        return 503
    }

    mutating func admitPoll(address: PeerAddress) -> Int? {
        if connectionLimit > 0, connections >= connectionLimit { return 503 }
        if perAddressLimit > 0, byAddress[address, default: 0] >= perAddressLimit { return 429 }
        connections += 1
        if perAddressLimit > 0 { byAddress[address, default: 0] += 1 }
        return nil
    }

    mutating func admit(user: UserID) -> Bool {
        guard byUser[user, default: 0] < perUserLimit else { return false }
        byUser[user, default: 0] += 1
        return true
    }

    mutating func leave(user: UserID) {
        guard let count = byUser[user] else { return }
        byUser[user] = count > 1 ? count - 1 : nil
    }

    mutating func newest(of user: UserID, _ sequence: UInt64) -> UInt64 {
        let newest = newestByUser[user]
        newestByUser[user] = (max(sequence, newest?.sequence ?? 0), (newest?.connections ?? 0) + 1)
        return sequence
    }

    func isNewest(_ user: UserID, _ sequence: UInt64) -> Bool { newestByUser[user]?.sequence == sequence }

    mutating func leftNewest(_ user: UserID) {
        guard let newest = newestByUser[user] else { return }
        newestByUser[user] = newest.connections > 1 ? (newest.sequence, newest.connections - 1) : nil
    }

    mutating func leave(address: PeerAddress) {
        connections -= 1
        guard perAddressLimit > 0, let count = byAddress[address] else { return }
        byAddress[address] = count > 1 ? count - 1 : nil
    }
}
