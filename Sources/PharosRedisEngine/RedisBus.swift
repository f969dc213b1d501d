package import PharosBytes
import PharosCluster
import PharosLinks
import PharosRedis

/// Carries messages between nodes by publish and subscribe. Any thread.
///
/// Each node subscribes to a channel of its own and to one of all. Of several independent servers the first carries them;
/// in a cluster any node does, since it passes on what is not sharded.
package final class RedisBus: ClusterBus {
    private let thread: LinkThread
    private let core: RedisBusCore
    private let linked: Locked<Bool>
    private let waiting = Locked<[(node: UInt64?, message: [UInt8])]>([])

    /// Begins to connect.
    ///
    /// - Throws: if the system gives no thread.
    package init(_ settings: RedisEngineSettings) throws(SystemThread.StartFailure) {
        let linked = Locked(false)
        self.linked = linked
        thread = try LinkThread(name: "pharos-bus")
        core = RedisBusCore(settings) { isLinked in linked.withLock { $0 = isLinked } }
        thread.perform { [core] loop in core.connect(on: loop) }
    }

    package func start(node: UInt64, receive: @escaping @Sendable ([UInt8]) -> Void) {
        thread.perform { [core] _ in core.start(node: node, receive: receive) }
    }

    package func send(_ message: [UInt8], to node: UInt64?) {
        let wakes = waiting.withLock { waiting in
            waiting.append((node, message))
            return waiting.count == 1
        }
        guard wakes else { return }
        thread.perform { [core, waiting] _ in
            let messages = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            for (node, message) in messages { core.send(message, to: node) }
        }
    }

    package var isLinked: Bool { linked.withLock { $0 } }

    /// Ends its links. Blocks until that is done.
    package func close() {
        thread.perform { [core] _ in core.close() }
        thread.stop()
    }

    deinit { close() }
}

/// The bus' work on the link thread.
///
/// Made on another thread and then used on the link thread only; therefore `@unchecked Sendable`.
private final class RedisBusCore: RedisTopologyOwner, @unchecked Sendable {
    private let settings: RedisEngineSettings
    private let names: RedisNames
    private let noteLinked: (Bool) -> Void
    private var topology: (any RedisTopology)! = nil
    private var loop: LinkLoop!
    private var node: UInt64?
    private var receive: (([UInt8]) -> Void)?
    private var isClosed = false

    init(_ settings: RedisEngineSettings, noteLinked: @escaping @Sendable (Bool) -> Void) {
        var settings = settings
        // Nothing is stored here.
        (settings.durability, settings.onFailover) = (.accepted, .trust)
        self.settings = settings
        self.noteLinked = noteLinked
        names = RedisNames(prefix: settings.prefix)
    }

    func connect(on loop: LinkLoop) {
        self.loop = loop
        // The engine reports the same; operators hear it once.
        let silent: (String) -> Void = { _ in }
        switch settings.topology {
        case .standalone(let addresses):
            topology = IndependentServers([[addresses[0]]], settings, report: silent, owner: self)
        case .cluster(let seeds): topology = IndependentServers([seeds], settings, report: silent, owner: self)
        case .sentinel(let name, let sentinels):
            topology = SentinelMaster(name, sentinels, settings, report: silent, owner: self)
        }
        topology.start(on: loop)
        tick()
    }

    func start(node: UInt64, receive: @escaping ([UInt8]) -> Void) {
        self.node = node
        self.receive = receive
        for name in [names.node(node), names.node(nil)] { topology.masters[0].subscribe(Array(name.utf8)) }
    }

    /// The sender's mark stands before the message: so it knows its own.
    func send(_ message: [UInt8], to target: UInt64?) {
        guard !isClosed, let node else { return }
        let mark = (0..<8).map { UInt8(truncatingIfNeeded: node >> UInt64(56 - 8 * $0)) }
        topology.masters[0].send(["PUBLISH", .text(names.node(target)), .bytes(mark + message)]) { [weak self] in
            if case .failure(.server(let error)) = $0, error.kind == .readOnly { self?.topology.look() }
        }
    }

    private func tick() {
        guard !isClosed else { return }
        topology.masters[0].look(at: loop.nowMs) { master in
            guard let probe = master.probe else { return }
            master.send(["PUBLISH", .text(probe.name), ""]) { _ in }
        }
        loop.after(min(max(settings.probeAfterMs / 8, 5), 1_000)) { [weak self] in self?.tick() }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        topology.close()
        noteLinked(false)
        receive = nil
    }

    // MARK: RedisTopologyOwner

    func heard(channel: [UInt8], payload: [UInt8], from master: RedisMaster) {
        guard payload.count >= 8, let node, !channel.elementsEqual(master.probe?.name.utf8 ?? "".utf8) else { return }
        let sender = payload[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard sender != node else { return }
        receive?(Array(payload[8...]))
    }

    func isBack(_ master: RedisMaster) { noteLinked(!isClosed) }
    func isGone(_ master: RedisMaster) { noteLinked(false) }
    func isLive(channel: [UInt8], at master: RedisMaster) {}

    func ended(channel: [UInt8], at master: RedisMaster, _ error: RedisServerError?) {
        loop.after(500) { [weak master] in master?.subscribeAgain(channel) }
    }

    func doubts(_ master: RedisMaster) {
        if !master.isBack { noteLinked(false) }
        if !isClosed { topology.look() }
    }

    func topologyChanged() {}
}
