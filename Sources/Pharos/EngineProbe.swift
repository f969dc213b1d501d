import Glibc
import Logging
import PharosCluster
package import PharosDomain
import PharosMemory
import PharosServices

/// Tries the engine of a configuration, for `pharos doctor`.
package enum EngineProbe {
    /// The state of its links after at most `seconds`, and the remarks made meanwhile.
    package struct Result: Sendable {
        package var isReady: Bool
        package var links: [String]
    }

    /// Connects as a node does, and leaves again; nil: there is no engine.
    ///
    /// Blocks.
    ///
    /// Another node with the role `topic` is not begun: only its address is tried.
    package static func look(_ settings: ServerSettings, seconds: Double) -> Result? {
        guard settings.engine.kind.isShared else { return nil }
        var settings = settings
        settings.engine.roles.remove(.topic)
        let silent = Logger(label: "pharos") { _ in SwiftLogNoOpLogHandler() }
        do {
            guard
                let parts = try ClusterParts.make(
                    settings, stores: .inMemory, logger: silent, isOver: { _ in })
            else { return nil }
            let mark = UInt64.random(in: 1..<1 << 24)
            parts.cluster.bus.start(node: mark) { _ in }
            parts.cluster.startOthers(node: mark)
            var waited = 0.0
            while waited < seconds, !parts.cluster.health.isReady || !parts.cluster.bus.isLinked {
                usleep(50_000)
                waited += 0.05
            }
            let health = parts.cluster.health
            let isReady = health.isReady && parts.cluster.bus.isLinked
            parts.close()
            return Result(isReady: isReady, links: health.links)
        } catch {
            return Result(isReady: false, links: ["\(error)"])
        }
    }
}
