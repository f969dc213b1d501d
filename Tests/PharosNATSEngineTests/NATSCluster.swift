import PharosLinks

@testable import PharosNATSEngine

/// Three real servers that are one cluster.
struct NATSCluster {
    let servers: [NATSServer]

    init() throws {
        let routes = try (0..<3).map { _ in try NATSServer.freePort() }
        let all = routes.map { "nats://127.0.0.1:\($0)" }.joined(separator: ",")
        servers = try routes.enumerated().map { index, port in
            try NATSServer([
                "-n", "n\(index)", "-cluster", "nats://127.0.0.1:\(port)", "-cluster_name", "pharos", "-routes", all,
            ])
        }
    }

    /// The settings of an engine whose streams have three copies.
    func settings() -> NATSEngineSettings {
        var settings = servers[0].settings()
        settings.link.addresses = servers.map { LinkAddress(host: "127.0.0.1", port: $0.port) }
        settings.replicas = 3
        return settings
    }
}
