import PharosDomain
import PharosTestKit
import Testing

@testable import PharosNATSEngine

#if canImport(Glibc)
    import Glibc
#endif

/// Streams with three copies on three servers.
@Suite(
    "a cluster of NATS servers", .serialized,
    .enabled(if: NATSServer.program != nil, "PHAROS_NATS_SERVER is not set"))
struct NATSClusterTests {
    @Test("nothing that was answered is lost when one server after the other is killed, and nothing is stored twice")
    func killed() async throws {
        let cluster = try NATSCluster()
        var load = Load(nodes: try [TestNode(cluster.settings()), TestNode(cluster.settings())])
        for (index, node) in load.nodes.enumerated() { node.backend.nodesChanged([1, 2], here: UInt64(index + 1)) }
        load.channels = ["news", "sport", "weather"]
        let (answered, _) = try await load.run {
            for server in cluster.servers {
                try await Task.sleep(for: .seconds(1))
                server.end(SIGKILL)
                try await Task.sleep(for: .seconds(2))
                try server.start()
                try await Task.sleep(for: .seconds(4))
            }
        }
        #expect(answered > 0)
    }
}
