import PharosDomain

extension Doctor {
    /// Judges a server of the engine `redis`.
    ///
    /// Its version, and what it keeps in which failure.
    static func redis(_ options: RedisEngineOptions, _ server: RedisFacts) -> [Finding] {
        version(server) + persistence(options, server) + replication(options, server) + memory(server)
    }

    private static func version(_ server: RedisFacts) -> [Finding] {
        guard let info = server.info, let version = info["redis_version"] else {
            return [
                Finding(
                    severity: .advice, subject: server.name,
                    message:
                        "INFO is hidden: a failover that loses publications cannot be told from one that loses none",
                    remedy: "Allow INFO to this user, for scripts as well (ACL: +info).")
            ]
        }
        let software = info["valkey_version"].map { "valkey \($0)" } ?? "redis \(version)"
        let parts = version.split(separator: ".").map { Int($0) ?? 0 }
        guard parts.lexicographicallyPrecedes([6, 2]) else {
            return [Finding(severity: .fine, subject: server.name, message: software)]
        }
        return [
            Finding(
                severity: .broken, subject: server.name, message: "\(software) is too old",
                remedy: "Install 6.2 or newer.")
        ]
    }

    // MARK: Persistence

    private static func persistence(_ options: RedisEngineOptions, _ server: RedisFacts) -> [Finding] {
        let subject = "\(server.name) persistence"
        var findings: [Finding] = []
        for (line, what) in [("aof_last_write_status", "append-only file"), ("rdb_last_bgsave_status", "snapshot")]
        where server.info?[line] == "err" {
            findings.append(
                Finding(
                    severity: .broken, subject: subject, message: "the server could not write its \(what)",
                    remedy: "Look into its log, and for room on its disk."))
        }
        let isAppending: Bool
        if let parameter = server.parameters?["appendonly"] {
            isAppending = parameter == "yes"
        } else if let line = server.info?["aof_enabled"] {
            isAppending = line == "1"
        } else {
            return findings + [
                Finding(
                    severity: .advice, subject: subject,
                    message: "CONFIG and INFO are hidden: what a crash of the server loses cannot be told",
                    remedy: "Look up whether the service keeps an append-only file.")
            ]
        }
        guard isAppending else {
            let isBroken = options.durability == .aof
            findings.append(
                Finding(
                    severity: isBroken ? .broken : .advice, subject: subject,
                    message: isBroken
                        ? "engine.redis.durability is aof, and the server keeps no append-only file"
                        : server.parameters?["save"] == ""
                            ? "nothing is written to the disk: a restart of the server loses all histories"
                            : "only snapshots are written: a crash loses what was published since the last one",
                    remedy: "Set `appendonly yes`."))
            return findings
        }
        findings.append(appending(subject, server.parameters?["appendfsync"]))
        return findings
    }

    private static func appending(_ subject: String, _ fsync: String?) -> Finding {
        switch fsync {
        case "always":
            Finding(severity: .fine, subject: subject, message: "each write is on the disk before it is acknowledged")
        case "everysec":
            Finding(
                severity: .fine, subject: subject,
                message: "a power failure loses the last second (appendfsync everysec)")
        case "no":
            Finding(
                severity: .advice, subject: subject,
                message: "appendfsync is no: a power failure loses what the system had not written yet",
                remedy: "Set `appendfsync everysec`, or `always`.")
        default:
            Finding(
                severity: .advice, subject: subject,
                message: "CONFIG is hidden: how much a power failure loses cannot be told",
                remedy: "Look up appendfsync of the service.")
        }
    }

    // MARK: Replication and memory

    private static func replication(_ options: RedisEngineOptions, _ server: RedisFacts) -> [Finding] {
        guard let replicas = server.info?["connected_slaves"].flatMap({ Int($0) }) else { return [] }
        let subject = "\(server.name) replicas"
        let least = server.parameters?["min-replicas-to-write"].flatMap { Int($0) }
        if options.durability == .replicated, replicas < options.replicas {
            return [
                Finding(
                    severity: .broken, subject: subject,
                    message:
                        "engine.redis.replicas is \(options.replicas), and the master has \(replicas): every publish fails",
                    remedy: "Add replicas, or set engine.redis.replicas to what there is.")
            ]
        }
        if let least, least > replicas {
            return [
                Finding(
                    severity: .broken, subject: subject,
                    message: "min-replicas-to-write is \(least), and the master has \(replicas): it takes no writes",
                    remedy: "Bring the replicas back.")
            ]
        }
        guard replicas > 0 else { return [] }
        guard least == 0 else {
            return [Finding(severity: .fine, subject: subject, message: "\(replicas) connected")]
        }
        return [
            Finding(
                severity: .advice, subject: subject,
                message: "min-replicas-to-write is 0: a master that is cut off goes on acknowledging what will be lost",
                remedy:
                    "Set `min-replicas-to-write 1`, and engine.redis.durability to replicated where nothing may be lost."
            )
        ]
    }

    private static func memory(_ server: RedisFacts) -> [Finding] {
        let limit = server.parameters?["maxmemory"] ?? server.info?["maxmemory"] ?? "0"
        let policy = server.parameters?["maxmemory-policy"] ?? server.info?["maxmemory_policy"] ?? "noeviction"
        guard limit != "0", policy != "noeviction" else { return [] }
        return [
            Finding(
                severity: .advice, subject: "\(server.name) maxmemory-policy",
                message:
                    "\(policy): when memory runs out, histories go away, and clients are told that they missed something",
                remedy: "Set `maxmemory-policy noeviction`: then publishers are told, and histories stay.")
        ]
    }
}
