public import Logging
import PharosBytes
import PharosConfiguration
import PharosDomain
import PharosServices
public import ServiceLifecycle

/// A whole Pharos in your own program.
///
/// ```swift
/// let server = PharosServer(configuration: configuration) { hooks in
///     hooks.connect { request in .allow(user: "42", channels: ["news"]) }
/// }
/// try await ServiceGroup(services: [server], logger: logger).run()
/// ```
///
/// It runs while `run` does: until graceful shutdown or cancellation. Every client is then asked to come back, and the
/// server leaves when they have gone. Calls that are made before it accepts connections wait for that; calls after its end
/// throw ``PharosError/stopped``, those of another service of the same group once that is asked to shut down as well. All
/// methods may be called from any task.
public final class PharosServer: Service {
    /// Where a running server listens.
    public struct Address: Hashable, Sendable {
        public let host: String
        /// 0: it does not listen.
        public let port: Int
        /// nil without TLS.
        public let tlsPort: Int?
    }

    private enum Phase {
        case created
        case starting
        case running(ShardGroup, Address)
        case ended
    }

    private struct State: Sendable {
        var phase = Phase.created
        var waiting: [UInt64: Wait<Void>] = [:]
        var nextWaiter: UInt64 = 0
        /// Subscribers that came before the server runs.
        var joins: [InProcessTicket: InProcessJoin] = [:]
    }

    private let node: Node
    /// The configuration as it was put together.
    ///
    /// The closures have not been added to it: so the rules see it.
    private let configuration: PharosConfiguration
    private let state = Locked(State())
    let ending = ServerEnding()

    /// Makes a server that does not run yet.
    ///
    /// - Parameters:
    ///   - logger: what an operator should read; never any payload, token or key.
    ///   - configure: names the closures that decide for the application; see ``Hooks``.
    public init(
        configuration: Configuration = Configuration(), logger: Logger = Logger(label: "pharos"),
        hooks configure: (inout Hooks) -> Void = { _ in }
    ) {
        var hooks = Hooks()
        configure(&hooks)
        self.configuration = configuration.inner
        var settings = configuration.inner
        hooks.apply(to: &settings.settings)
        let refusals = RefusalLedger { ServerLog.write($0, to: logger) }
        node = Node(
            configuration: settings, closures: hooks.isEmpty ? nil : ClosureApplication(hooks, refusals: refusals),
            refusals: refusals, logger: logger, listens: configuration.isListening)
    }

    /// Opens the ports and serves until graceful shutdown or cancellation.
    ///
    /// Call it once.
    ///
    /// - Throws: an error whose description names the setting or the port at fault.
    public func run() async throws {
        let isFirst = state.withLock { state in
            guard case .created = state.phase else { return false }
            state.phase = .starting
            return true
        }
        guard isFirst else { throw PharosError.stopped }
        ending.begin()
        defer { advance(to: .ended) }
        try configuration.check()
        let addresses = try await node.start()
        guard let shards = node.shards else { throw PharosError.stopped }
        let address = Address(
            host: node.configuration.settings.edge.address, port: node.listens ? addresses.port : 0,
            tlsPort: addresses.tlsPort)
        advance(to: .running(shards, address))
        try await node.run()
    }

    private func advance(to phase: Phase) {
        let (waiting, joins) = state.withLock { state in
            state.phase = phase
            defer {
                state.waiting = [:]
                state.joins = [:]
            }
            return (state.waiting, state.joins)
        }
        // Subscribers that joined before the waiting calls get their publications. After the end a join is dropped, and answers for itself.
        if case .running(let shards, _) = phase {
            for join in joins.values { shards.join(join) }
        }
        for wait in waiting.values { wait.end(()) }
    }

    /// Where it listens, once it does.
    public var address: Address {
        get async throws(PharosError) { try await running().address }
    }

    /// Reads the TLS certificate and key again.
    ///
    /// A pair that cannot be used leaves the old one in force.
    public func reloadCertificate() { node.reloadCertificate() }

    // MARK: Inside

    func shards() async throws(PharosError) -> ShardGroup { try await running().shards }

    private func running() async throws(PharosError) -> (shards: ShardGroup, address: Address) {
        while true {
            switch state.withLock({ $0.phase }) {
            case .running(let shards, let address): return (shards, address)
            case .ended:
                await ending.ownTurn()
                throw .stopped
            case .created, .starting:
                if Task.isCancelled || Task.isShuttingDownGracefully { throw .stopped }
                await nextPhase()
            }
        }
    }

    private func nextPhase() async {
        let wait = Wait<Void>()
        let number: UInt64? = state.withLock { state in
            switch state.phase {
            case .created, .starting: break
            case .running, .ended: return nil
            }
            state.nextWaiter += 1
            state.waiting[state.nextWaiter] = wait
            return state.nextWaiter
        }
        guard let number else { return }
        await wait.value(orWhenEnding: ())
        _ = state.withLock { $0.waiting.removeValue(forKey: number) }
    }

    func join(_ join: InProcessJoin) {
        let shards: ShardGroup? = state.withLock { state in
            switch state.phase {
            case .created, .starting:
                state.joins[join.ticket] = join
                return nil
            case .running(let shards, _): return shards
            case .ended: return nil
            }
        }
        shards?.join(join)
    }

    func leave(_ ticket: InProcessTicket) {
        let (shards, unused): (ShardGroup?, InProcessJoin?) = state.withLock { state in
            let unused = state.joins.removeValue(forKey: ticket)
            if case .running(let shards, _) = state.phase { return (shards, unused) }
            return (nil, unused)
        }
        // Outside the lock: a join that is dropped calls its receiver.
        _ = unused
        shards?.leave(ticket)
    }
}
