package import PharosBytes
package import PharosCluster
package import PharosDomain
import PharosLinks

/// The channel engine over Redis or Valkey, for all relays of a node.
///
/// Streams and their offsets are in the server, and one script carries out the rules of publishing; publish and subscribe
/// carries publications to the nodes. Any thread: the work is done on a thread of its own. A publication may reach
/// subscribers before it is as durable as its publisher is promised.
package final class RedisBackend: EngineBackend {
    private struct State: Sendable {
        var asks: [RedisEngineCore.Ask] = []
        var isClosed = false
        var openRequests = 0
        var openBytes = 0
        var inboxes: [Int: EngineInbox] = [:]
    }

    private let settings: RedisEngineSettings
    private let thread: LinkThread
    private let core: RedisEngineCore
    private let state: Locked<State>
    private let currentHealth = Locked(EngineHealth(isReady: false, links: []))

    /// Begins to connect.
    ///
    /// - Throws: if the system gives no thread.
    package init(_ settings: RedisEngineSettings) throws(SystemThread.StartFailure) {
        self.settings = settings
        let state = Locked(State())
        let health = currentHealth
        self.state = state
        thread = try LinkThread(name: "pharos-redis")
        core = RedisEngineCore(
            settings,
            completed: { bytes in
                state.withLock { state in
                    state.openRequests -= 1
                    state.openBytes -= bytes
                }
            }, setHealth: { new in health.withLock { $0 = new } })
        thread.perform { [core] loop in core.start(on: loop) }
    }

    package func open(relay: Int, inbox: EngineInbox) {
        state.withLock { $0.inboxes[relay] = inbox }
        thread.perform { [core] _ in
            core.inboxes[relay] = inbox
            if core.isLost { inbox.add(.linkLost) }
        }
    }

    package func submit(_ request: EngineRequest, ticket: UInt64, from relay: Int, at now: Moment) {
        let (bytes, hasCompletion) = (RedisBackend.size(request), request.hasCompletion)
        let ask = RedisEngineCore.Ask(request: request, ticket: ticket, relay: relay, bytes: bytes)
        let (wakes, refusal, inbox) = state.withLock { state -> (Bool, ReplyError?, EngineInbox?) in
            if state.isClosed { return (false, .engineClosed, state.inboxes[relay]) }
            let isFull = state.openRequests >= settings.openRequests || state.openBytes + bytes > settings.openBytes
            if hasCompletion, isFull { return (false, .engineBusy, state.inboxes[relay]) }
            if hasCompletion || bytes > 0 {
                state.openRequests += 1
                state.openBytes += bytes
            }
            state.asks.append(ask)
            return (state.asks.count == 1, nil, nil)
        }
        if let refusal, hasCompletion { inbox?.add(.completed(ticket: ticket, .failure(refusal))) }
        guard wakes else { return }
        // One turn of the thread takes all that has come by then: its commands leave together.
        thread.perform { [core, state] _ in
            let asks = state.withLock { state in
                defer { state.asks = [] }
                return state.asks
            }
            core.take(asks)
        }
    }

    package func nodesChanged(_ nodes: [UInt64], here: UInt64) {}

    package var requestTimeoutMs: Int64 { settings.requestTimeoutMs }

    package var health: EngineHealth { currentHealth.withLock { $0 } }

    package func close() {
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isFirst else { return }
        thread.perform { [core] _ in core.close() }
        thread.stop()
    }

    deinit { close() }

    /// The bytes of a request that count.
    ///
    /// A request without a completion that is counted has some.
    private static func size(_ request: EngineRequest) -> Int {
        switch request {
        case .publish(let publish): publish.publication.data.count + 256
        case .announce: 256
        case .read, .readBackwards, .removeHistory, .follow, .unfollow: 0
        }
    }
}
