import PharosDomain

extension ConfigurationSchema {
    static let engine = SettingTable<EngineSettings>(
        [
            .choice(
                "type", \.kind, EngineSettings.Kind.allCases.map { ($0.rawValue, $0) },
                "`memory`, `disk`: this process alone. With all others several nodes behave as one server: `topic` needs "
                    + "nothing else, `nats` and `redis` a server of that kind. See docs/cluster.md."),
            .secret(
                "secret", \.secret,
                "Known to all nodes of the cluster and to them alone; at least 16 bytes. Needed by `topic`."),
            .duration("heartbeat", \.heartbeat, from: 0.1, "Time between two signs of life of a node."),
            .duration(
                "node_timeout", \.nodeTimeout, from: 0.5,
                "A node without a sign of life for so long is taken for dead: its members have left."),
            .duration(
                "request_timeout", \.requestTimeout, from: 0.1,
                "Time for a request to the engine, beyond it a temporary error. "
                    + "Whatever happens, a request is answered within twice as much."),
            .text("topic.address", \.topic.address, "Host and port of the node with the role `topic`."),
            .text(
                "topic.listen", \.topic.listen,
                "Address and port on which that node listens; empty: those of `engine.topic.address`."),
            .text("topic.server_cert_pem_file", \.topic.serverCertificateFile, "Its certificate chain, for TLS."),
            .text("topic.server_key_pem_file", \.topic.serverKeyFile, "Its private key, for TLS."),
        ] + tls("topic.tls", \.topic.tls) + [
            .addresses(
                "nats.url", \.nats.urls,
                "Addresses such as `nats://10.0.0.1:4222`; `tls://` for TLS. `user:password@` or `token@` may stand before "
                    + "the host."),
            .text("nats.prefix", \.nats.prefix, "First token of all subjects, and beginning of the names of streams."),
            .integer(
                "nats.streams", \.nats.streams, 1...64,
                "Streams for each kind of retention; the same on all nodes, and not to be changed later."),
            .integer("nats.replicas", \.nats.replicas, 1...5, "Copies of each stream."),
            .text("nats.user", \.nats.user, "User, where the server asks for one."),
            .secret("nats.password", \.nats.password, "Its password."),
            .secret("nats.token", \.nats.token, "Token, where the server asks for one."),
            .secret("nats.nkey_seed", \.nats.nkeySeed, "Seed of an nkey, where the server asks for one."),
        ] + tls("nats.tls", \.nats.tls) + [
            .addresses(
                "redis.address", \.redis.addresses,
                "Host and port, or a URL: `redis://user:password@host:port/database`, `rediss://` for TLS, `redis+cluster://`, "
                    + "`redis+sentinel://host:port?sentinel_master_name=name&addr=host:port`. Several: independent servers "
                    + "among which channels are spread."),
            .addresses("redis.cluster_address", \.redis.clusterAddresses, "Some nodes of a Redis Cluster."),
            .addresses("redis.sentinel_address", \.redis.sentinelAddresses, "Sentinels that know the master."),
            .text("redis.sentinel_master_name", \.redis.sentinelMaster, "The master's name among the sentinels."),
            .text("redis.sentinel_user", \.redis.sentinelUser, "User at the sentinels."),
            .secret("redis.sentinel_password", \.redis.sentinelPassword, "Password at the sentinels."),
            .integer("redis.db", \.redis.database, 0...1_000_000, "Number of the database."),
            .text("redis.user", \.redis.user, "User, where the server asks for one."),
            .secret("redis.password", \.redis.password, "Password, where the server asks for one."),
            .text("redis.prefix", \.redis.prefix, "Stands before all keys and channels."),
            .choice(
                "redis.on_failover", \.redis.onFailover,
                RedisEngineOptions.OnFailover.allCases.map { ($0.rawValue, $0) },
                "`new_epoch`: after a failover clients are told that they may have missed something, since the new master "
                    + "may lack what was acknowledged. `trust`: for planned failovers that lose nothing."),
            .choice(
                "redis.durability", \.redis.durability,
                RedisEngineOptions.Durability.allCases.map { ($0.rawValue, $0) },
                "When a publisher is answered: once the master has it, once `redis.replicas` have it, or once it is in "
                    + "the append-only file."),
            .integer("redis.replicas", \.redis.replicas, 1...10, "Replicas that must have a publication."),
        ] + tls("redis.tls", \.redis.tls))

    private static func tls(
        _ prefix: String, _ path: SettingPath<EngineSettings, LinkTLSOptions>
    ) -> [Setting<EngineSettings>] {
        SettingTable<LinkTLSOptions>([
            .bool("enabled", \.enabled, "Encrypt the link."),
            .text("server_ca_pem_file", \.authoritiesFile, "File with trusted authorities, PEM; empty: the system's."),
            .text("server_name", \.serverName, "Name in the server's certificate; empty: the address' host."),
        ]).lifted(prefix, path)
    }

    static let roles: [Setting<ConfigurationDraft>] = [
        .choices(
            "node.roles", \.configuration.settings.engine.roles,
            EngineSettings.Role.allCases.map { ($0.rawValue, $0) },
            "`clients`: holds clients. `topic`: numbers and keeps for all nodes, with `engine.type: topic`; one node has "
                + "it. Usually set by `PHAROS_NODE_ROLES`, since all nodes share one file.")
    ]
}
