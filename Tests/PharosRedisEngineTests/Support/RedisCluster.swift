import PharosRedis

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@testable import PharosRedisEngine

/// Three masters and three replicas on 127.0.0.1.
final class RedisCluster {
    let servers: [RedisProcess]

    init() throws {
        servers = try (0..<6).map { _ in
            try RedisProcess([
                "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port",
                "\(RedisProcess.freePort())", "--repl-diskless-sync-delay", "0", "--cluster-require-full-coverage",
                "no",
            ])
        }
        let admins = try servers.map { try RedisAdmin(port: $0.port) }
        for (index, admin) in admins.enumerated() { try admin("CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)") }
        for (index, range) in [(0, 5_460), (5_461, 10_922), (10_923, 16_383)].enumerated() {
            try admins[index]("CLUSTER", "ADDSLOTSRANGE", "\(range.0)", "\(range.1)")
        }
        for server in servers.dropFirst() {
            let busPort = try RedisAdmin(port: server.port)("CONFIG", "GET", "cluster-port").split(separator: "\n").last
            try admins[0]("CLUSTER", "MEET", "127.0.0.1", "\(server.port)", String(busPort ?? ""))
        }
        let ids = try admins.map { try $0("CLUSTER", "MYID") }
        for index in 3..<6 {
            try RedisCluster.wait { try !admins[index]("CLUSTER", "REPLICATE", ids[index - 3]).hasPrefix("ERR") }
        }
        try RedisCluster.wait {
            try admins.allSatisfy { admin in
                let nodes = try admin("CLUSTER", "NODES")
                return try admin("CLUSTER", "INFO").contains("cluster_state:ok")
                    && nodes.split(separator: "\n").count { $0.contains("slave") } == 3
            }
        }
        try RedisCluster.wait {
            try admins[3...].allSatisfy { try $0("INFO", "replication").contains("master_link_status:up") }
        }
    }

    static func wait(_ condition: () throws -> Bool) throws {
        for _ in 0..<1_000 {
            if (try? condition()) == true { return }
            usleep(20_000)
        }
        throw TestFailure("the servers did not become ready")
    }

    var topology: RedisEngineSettings.Topology { .cluster(servers.map(TestNode.address)) }
}
