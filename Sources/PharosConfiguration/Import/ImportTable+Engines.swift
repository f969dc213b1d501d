extension ImportTable {
    static let engines = table(
        [ImportRule(key: "engine.type", fate: .kept)],
        redis("engine.redis.", to: nil),
        ["broker.enabled", "broker.type"].map { ImportRule(key: $0, fate: .translated(to: "engine.type")) },
        redis("broker.redis.", to: "engine.redis."),
        ["url", "prefix"].map {
            ImportRule(key: "broker.nats." + $0, fate: .translated(to: "engine.nats." + $0))
        },
        clientTLS("broker.nats.tls", to: "engine.nats.tls"),
        notNeeded("broker.nats.", "dial_timeout write_timeout", "`engine.request_timeout` counts for all of it"),
        absent(
            "broker.nats.", "allow_wildcards", nearest: "subscribe to each channel, or to one that stands for all"),
        [
            wholeAbsent(
                "broker.nats.raw_mode",
                nearest: "a consumer of your own that hands messages to `publish` of the server API"),
            ImportRule(
                key: "presence_manager", fate: .notNeeded("members live in the node that they are connected to"),
                isWhole: true),
            wholeAbsent(
                "map_broker", idle: ["memory", "redis://127.0.0.1:6379", "centrifugo"], gated: false,
                nearest: "history with `force_recovery_mode: cache`, kept by the engine"
            ),
            wholeAbsent("tarantool", gated: false, nearest: "`engine.type: redis`"),
        ])

    /// The settings of Redis.
    ///
    /// - Parameter target: our section, where it is not the same.
    private static func redis(_ prefix: String, to target: String?) -> [ImportRule] {
        let same = """
            address cluster_address sentinel_address sentinel_master_name sentinel_user sentinel_password db user password
            prefix
            """
        let presence = "members live in the node that they are connected to"
        return table(
            words(same).map { name in
                ImportRule(key: prefix + name, fate: target.map { .translated(to: $0 + name) } ?? .kept)
            },
            clientTLS(prefix + "tls", to: target.map { $0 + "tls" }),
            notNeeded(prefix, "connect_timeout io_timeout", "`engine.request_timeout` counts for all of it"),
            notNeeded(prefix, "client_name sentinel_client_name", "connections call themselves `pharos`"),
            notNeeded(prefix, "force_resp2", "a server that lacks RESP3 is spoken to in RESP2"),
            notNeeded(prefix, "history_use_lists", "histories are streams"),
            notNeeded(prefix, "presence_ttl presence_hash_field_ttl presence_user_mapping", presence),
            [
                ImportRule(
                    key: prefix + "sentinel_tls",
                    fate: .notNeeded("`engine.redis.tls` counts for the sentinels, too"), isWhole: true)
            ])
    }
}
