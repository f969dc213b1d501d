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

    @Test("without a majority every request is answered for now, and all goes on when it is back")
    func withoutMajority() async throws {
        let cluster = try NATSCluster()
        var settings = cluster.settings()
        settings.requestTimeoutMs = 2_000
        let node = try TestNode(settings)
        _ = try await Load(nodes: [node]).firstTop(of: "news")
        let first = try await node.publish("1", to: "news", key: "1").get()
        for server in cluster.servers.dropFirst() { server.end(SIGKILL) }
        let publish = EnginePublish(
            channel: "news", publication: Publication(data: [2]), options: TestNode.options, idempotencyKey: "2")
        // A channel of another stream, which has to be looked for first, as well.
        var requests: [EngineRequest] = [.publish(publish)]
        for channel in ["news", "sport", "weather"] as [ChannelName] {
            requests.append(.read(channel: channel, options: TestNode.options, after: nil, limit: 1))
            requests.append(.readBackwards(channel: channel, options: TestNode.options, before: nil, limit: 1))
            requests.append(.removeHistory(channel: channel, options: TestNode.options))
        }
        var tickets: [UInt64] = []
        for request in requests { tickets.append(await node.submit(request)) }
        for ticket in tickets {
            // A follower may still answer what was stored before.
            if case .failure(let error) = try await node.completion(of: ticket) { #expect(error.isTemporary) }
        }
        for server in cluster.servers.dropFirst() { try server.start() }
        var second = try await node.publish("2", to: "news", key: "2")
        while case .failure(let error) = second {
            #expect(error.isTemporary)
            second = try await node.publish("2", to: "news", key: "2")
        }
        #expect(try second.get().offset > first.offset)
    }
}
