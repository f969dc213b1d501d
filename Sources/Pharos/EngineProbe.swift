import CPharosSys
import Glibc
import Logging
import PharosBytes
import PharosCluster
package import PharosDomain
import PharosMemory
import PharosNATSEngine
import PharosRedisEngine
import PharosServices
import PharosTopic

/// Tries the engine of a configuration, for `pharos doctor`.
package enum EngineProbe {
    /// Connects as a node does, looks at the servers, and leaves again.
    ///
    /// nil: there is no engine. Blocks, for at most `seconds` to connect and as long to look.
    ///
    /// Another node with the role `topic` is not begun: only its address is tried.
    package static func look(_ settings: ServerSettings, seconds: Double) -> EngineFacts? {
        guard settings.engine.kind.isShared else { return nil }
        var settings = settings
        settings.engine.roles.remove(.topic)
        let silent = Logger(label: "pharos") { _ in SwiftLogNoOpLogHandler() }
        do {
            guard
                let parts = try ClusterParts.make(
                    settings, stores: .inMemory, logger: silent, isOver: { _ in })
            else { return nil }
            let cluster = parts.cluster
            let mark = UInt64.random(in: 1..<1 << 24)
            let nodes = Locked<[String: Int64]>([:])
            cluster.bus.start(node: mark) { message in
                guard let clock = NodeClock(message) else { return }
                nodes.withLock { $0["node \(clock.name)"] = clock.wallMs - pharos_wall_ms() }
            }
            cluster.startOthers(node: mark)
            let isReady = wait(seconds) { cluster.health.isReady && cluster.bus.isLinked }
            var facts = EngineFacts(isReady: isReady, links: cluster.health.links)
            if isReady {
                for backend in [cluster.backend] + cluster.others.values { examine(backend, seconds, &facts) }
                // Each node gives a sign of life in this time.
                usleep(UInt32(min(settings.engine.heartbeat * 1.1, seconds) * 1_000_000))
                facts.clocksAheadMs.merge(nodes.withLock { $0 }) { $1 }
            }
            parts.close()
            return facts
        } catch {
            return EngineFacts(links: ["\(error)"])
        }
    }

    /// Waits until something is so; false: it was not within the time.
    private static func wait(_ seconds: Double, until isSo: () -> Bool) -> Bool {
        var waited = 0.0
        while !isSo() {
            guard waited < seconds else { return false }
            usleep(20_000)
            waited += 0.02
        }
        return true
    }

    private static func examine(_ backend: any EngineBackend, _ seconds: Double, _ facts: inout EngineFacts) {
        let found = Locked<EngineFacts?>(nil)
        switch backend {
        case let backend as NATSBackend:
            backend.examine { nats, clocks in
                var part = EngineFacts()
                (part.nats, part.clocksAheadMs) = (nats, clocks)
                found.withLock { [part] in $0 = part }
            }
        case let backend as RedisBackend:
            backend.examine { servers, clocks in
                var part = EngineFacts()
                (part.redis, part.clocksAheadMs) = (servers, clocks)
                found.withLock { [part] in $0 = part }
            }
        case let backend as TopicBackend:
            if let ahead = backend.clockAheadMs { facts.clocksAheadMs["the topic node"] = ahead }
            return
        default: return
        }
        _ = wait(seconds) { found.withLock { $0 != nil } }
        guard let part = found.withLock({ $0 }) else { return }
        facts.nats = part.nats ?? facts.nats
        facts.redis += part.redis
        facts.clocksAheadMs.merge(part.clocksAheadMs) { $1 }
    }
}
