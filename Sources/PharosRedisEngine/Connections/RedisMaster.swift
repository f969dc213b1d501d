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
    /// The publications of one round whose durability one command waits for.
    private var round: [(Result<RESPValue, RedisFailure>) -> Void] = []

    let settings: RedisEngineSettings
    let isShard: Bool
    /// Whether the server must say that it is a master before it is used.
    private let verifiesRole: Bool
    private let report: (String) -> Void
    private weak var owner: (any RedisMasterOwner)?
    private(set) var commands: RedisConnection! = nil
    private(set) var subscriptions: RedisConnection! = nil
    private var wanted = RedisSubscriptions()
    private var setup = RedisSetup()
    /// Orders of the last replay that are not confirmed.
    private var replaying = 0
    private var isSubscribed = false
    private var wasBack = false
    /// Whether its absence was reported.
    private var isReportedGone = false
    /// Where the probe of the subscriptions goes; nil: there is none.
    var probe: (name: String, tag: Int)?
    private var isProbed = false

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

    var scripts: RedisSetup.Scripts? { setup.scripts }
    /// Whether the server's replication id can be seen.
    var seesFence: Bool { setup.seesFence }
    /// Why nothing may be published; nil: it may.
    var refusal: String? { setup.refusal }
    /// Whether messages come and commands are carried out.
    var isBack: Bool { isSubscribed && commands.isReady }

    // MARK: Commands

    func send(_ command: RedisCommand, _ completion: @escaping RedisConnection.Completion) {
        commands.send(command, withinMs: settings.requestTimeoutMs, completion)
    }

    /// Sends a publication.
    ///
    /// It is completed when it is as durable as configured, or has failed.
    func publish(_ command: RedisCommand, _ completion: @escaping RedisConnection.Completion) {
        guard settings.durability != .accepted else { return send(command, completion) }
        send(command) { [weak self] result in
            guard let self, case .success(let value) = result else { return completion(result) }
            self.round.append { wait in completion(wait.map { _ in value }) }
        }
        isRoundOpen = true
    }

    private var isRoundOpen = false

    /// Ends a round of requests: all publications of it share one wait.
    func endRound() {
        guard isRoundOpen else { return }
        isRoundOpen = false
        let limit = settings.requestTimeoutMs * 4 / 5
        let command: RedisCommand
        let needed: Int64
        switch settings.durability {
        case .accepted: return
        case .replicated(let count):
            needed = Int64(count)
            command = ["WAIT", .integer(needed), .integer(limit)]
        case .appendOnlyFile:
            needed = 1
            command = ["WAITAOF", 1, 0, .integer(limit)]
        }
        send(command) { [weak self] result in
            guard let self else { return }
            let waiting = self.round
            self.round = []
            let isDurable = result.map { reply in
                let count = (try? reply.integer()) ?? (try? reply.elements().first?.integer()) ?? 0
                return count >= needed
            }
            for completion in waiting {
                switch isDurable {
                case .success(true): completion(.success(.null))
                case .success(false): completion(.failure(.timedOut(.outcomeUnknown)))
                case .failure(let failure): completion(.failure(failure))
                }
            }
        }
    }

    // MARK: Subscriptions

    private var kind: RedisSubscriptionKind { isShard ? .shard : .channel }

    func subscribe(_ channel: [UInt8]) {
        guard let order = wanted.want(RedisSubscriptions.Key(kind, channel)) else { return }
        // A new connection begins with all that is wanted.
        if subscriptions.isReady { change(order) }
    }

    func unsubscribe(_ channel: [UInt8]) {
        guard let order = wanted.drop(RedisSubscriptions.Key(kind, channel)) else { return }
        if subscriptions.isReady { change(order) }
    }

    func subscribeAgain(_ channel: [UInt8]) {
        guard let order = wanted.again(RedisSubscriptions.Key(kind, channel)), subscriptions.isReady else { return }
        change(order)
    }

    private func change(_ order: RedisSubscriptionOrder, isReplay: Bool = false) {
        subscriptions.change(order, withinMs: settings.requestTimeoutMs) { [weak self] failure in
            guard let self else { return }
            if case .server(let error)? = failure {
                self.wanted.noteFailure(of: order)
                if order.isSubscribe {
                    for channel in order.channels { self.owner?.ended(channel: channel, at: self, error) }
                }
            } else if failure != nil {
                return
            }
            guard isReplay else { return }
            self.replaying -= 1
            self.noteBack()
        }
    }

    private func noteBack() {
        guard subscriptions.isReady, replaying == 0 else { return }
        isSubscribed = true
        guard isBack else { return }
        isReportedGone = false
        owner?.isBack(self)
    }

    // MARK: Probes

    /// Changes where the probe goes.
    func setProbe(_ name: String, tag: Int) {
        if let probe { unsubscribe(Array(probe.name.utf8)) }
        probe = (name, tag)
        subscribe(Array(name.utf8))
    }

    /// Makes both connections anew.
    func renew(_ reason: String) {
        commands.reconnect(reason)
        subscriptions.reconnect(reason)
    }

    /// Looks whether the subscriptions have been silent for too long.
    ///
    /// Called now and then.
    func look(at nowMs: Int64, publish: (RedisMaster) -> Void) {
        guard isSubscribed, subscriptions.isReady else {
            isProbed = false
            return
        }
        let silenceMs = nowMs - subscriptions.lastHeardMs
        if silenceMs < settings.probeAfterMs {
            isProbed = false
        } else if silenceMs >= 2 * settings.probeAfterMs {
            isProbed = false
            report("\(name): no message for \(silenceMs) ms, not the probe's either: the link is made anew")
            subscriptions.reconnect("a probe did not arrive")
            owner?.doubts(self)
        } else if !isProbed, probe != nil {
            isProbed = true
            publish(self)
        }
    }

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
            at: connection, settings, checksRole: verifiesRole, isCommands: isCommands,
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

    private func replay() {
        if let probe, !wanted.isWanted(RedisSubscriptions.Key(kind, Array(probe.name.utf8))) {
            _ = wanted.want(RedisSubscriptions.Key(kind, Array(probe.name.utf8)))
        }
        let orders = wanted.replay()
        replaying = orders.count
        for order in orders { change(order, isReplay: true) }
        noteBack()
    }

    func lost(_ connection: RedisConnection) {
        if connection === subscriptions { (isSubscribed, replaying) = (false, 0) }
        if connection === subscriptions, !isReportedGone {
            isReportedGone = true
            report("\(name) subscriptions: \(connection.state)")
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
