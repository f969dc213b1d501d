import PharosLinks
import PharosRedis

/// The receiver of what happens on the two connections to a master.
protocol RedisMasterOwner: AnyObject {
    /// Messages come again, and commands are carried out.
    ///
    /// Every subscription that is wanted was confirmed or refused.
    func isBack(_ master: RedisMaster)
    /// Nothing is reported any more.
    func isGone(_ master: RedisMaster)
    func heard(channel: [UInt8], payload: [UInt8], from master: RedisMaster)
    /// A subscription was confirmed.
    func isLive(channel: [UInt8], at master: RedisMaster)
    /// A subscription was refused, or ended by the server.
    func ended(channel: [UInt8], at master: RedisMaster, _ error: RedisServerError?)
    /// The master, or the map of slots, may be another one than is known.
    func doubts(_ master: RedisMaster)
}

/// One server that channels are kept on.
///
/// There is a connection for commands and one for subscriptions. Used on the link thread only.
final class RedisMaster: RedisConnectionOwner {
    let settings: RedisEngineSettings
    let isShard: Bool
    /// Whether the server must say that it is a master before it is used.
    private let verifiesRole: Bool
    let report: (String) -> Void
    weak var owner: (any RedisMasterOwner)?
    private(set) var commands: RedisConnection! = nil
    private(set) var subscriptions: RedisConnection! = nil
    var wanted = RedisSubscriptions()
    private var setup = RedisSetup()
    /// Orders of the last replay that are not confirmed.
    var replaying = 0
    var isSubscribed = false
    /// Whether operators know of its absence.
    var isReportedGone = false
    /// Where the probe of the subscriptions goes; nil: there is none.
    var probe: (name: String, tag: Int)?
    var probedMs: Int64?
    /// Publications that were carried out and wait for their durability.
    var round: [(Result<RESPValue, RedisFailure>) -> Void] = []
    /// Whether there are publications that no wait was sent for.
    var isRoundOpen = false

    init(
        _ settings: RedisEngineSettings, isShard: Bool, verifiesRole: Bool, report: @escaping (String) -> Void,
        owner: any RedisMasterOwner
    ) {
        self.settings = settings
        self.isShard = isShard
        self.verifiesRole = verifiesRole
        self.report = report
        self.owner = owner
        var session = settings.session
        // A read may be of a whole history.
        session.limits.elements = max(session.limits.elements, 1 << 22)
        session.limits.valueBytes = max(session.limits.valueBytes, 1 << 30)
        session.limits.bulkBytes = max(session.limits.bulkBytes, 64 << 20)
        commands = RedisConnection("commands", settings.link, session, owner: self)
        subscriptions = RedisConnection("subscriptions", settings.link, session, owner: self)
    }

    /// - Parameter addresses: of the server; several only where any of them does.
    func connect(to addresses: [LinkAddress], on loop: LinkLoop) {
        commands.connect(to: addresses, on: loop)
        subscriptions.connect(to: addresses, on: loop)
    }

    func close() {
        commands.close()
        subscriptions.close()
    }

    /// Makes both connections anew.
    func renew(_ reason: String) {
        commands.reconnect(reason)
        subscriptions.reconnect(reason)
    }

    var scripts: RedisSetup.Scripts? { setup.scripts }
    /// Whether the server's replication id can be seen.
    var seesFence: Bool { setup.seesFence }
    /// Why nothing may be published; nil: it may.
    var refusal: String? { setup.refusal }
    /// Whether messages come and commands are carried out.
    var isBack: Bool { isSubscribed && commands.isReady }

    var name: String { "redis://" + ((commands.address ?? subscriptions.address)?.description ?? "unknown") }

    var health: [String] {
        var lines = [
            "\(name) commands: \(setup.refusal ?? commands.state)",
            "\(name) subscriptions: \(subscriptions.state)" + (isSubscribed ? ", \(wanted.count) channels" : ""),
        ]
        if let note = setup.note, commands.isReady { lines.append("\(name): \(note)") }
        return lines
    }

    // MARK: RedisConnectionOwner

    func greeted(_ connection: RedisConnection, _ server: RedisServer) {
        let isCommands = connection === commands
        if isCommands { setup = RedisSetup() }
        RedisSetup.look(
            at: connection, settings, checksRole: verifiesRole, isCommands: isCommands, isShard: isShard,
            ready: { [weak self] found in
                guard let self else { return }
                if isCommands { self.setup = found }
                if let note = found.note { self.report("\(self.name): \(note)") }
                if let refusal = found.refusal { self.report("\(self.name): \(refusal)") }
                connection.becomeReady()
                if isCommands { self.noteBack() } else { self.replay() }
            },
            wrong: { [weak self] reason in
                connection.reject(reason)
                guard let self else { return }
                self.owner?.doubts(self)
            })
    }

    func lost(_ connection: RedisConnection) {
        if connection === subscriptions {
            (isSubscribed, replaying) = (false, 0)
            if !isReportedGone { report("\(name) subscriptions: \(connection.state)") }
            isReportedGone = true
            owner?.isGone(self)
        }
        owner?.doubts(self)
    }

    func heard(_ event: RedisEvent, _ connection: RedisConnection) {
        switch event {
        case .message(let channel, let payload), .shardMessage(let channel, let payload):
            owner?.heard(channel: channel, payload: payload, from: self)
        case .subscription(let change):
            let key = RedisSubscriptions.Key(change.kind, change.channel)
            if wanted.note(change) {
                owner?.ended(channel: change.channel, at: self, nil)
            } else if wanted.isLive(key) {
                owner?.isLive(channel: change.channel, at: self)
            }
        default: break
        }
    }
}
