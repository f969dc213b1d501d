/// Engine, broker and presence manager: three settings there, one here.
extension ImportSession {
    mutating func translateEngine() {
        let isBrokerOn = flag("broker.enabled") || source.isFlat && text("broker.type") != nil
        let kind = (isBrokerOn ? text("broker.type") : text("engine.type")) ?? "memory"
        translateKind(kind, isBrokerOn: isBrokerOn)
        translateRedis(kind, isBrokerOn: isBrokerOn)
        translateNATS(isUsed: isBrokerOn && kind == "nats")
        if let manager = take("presence_manager") {
            let isOn = flag("presence_manager.enabled")
            drop(
                manager, isOn ? "members live in the node that they are connected to: they need no store" : "it is off")
        }
    }

    private mutating func translateKind(_ kind: String, isBrokerOn: Bool) {
        let engine = take("engine.type")
        guard isBrokerOn else {
            if let engine {
                engine.text == "tarantool"
                    ? refuse(engine, nearest: "`engine.type: redis`") : move(engine, to: "engine.type")
            }
            for key in ["broker.enabled", "broker.type"] {
                if let value = take(key) { drop(value, "`broker.enabled` is off") }
            }
            return noteKind(engine == nil ? "" : kind)
        }
        if let engine { drop(engine, "the broker counts: `\(written("broker.type"))`") }
        if let enabled = take("broker.enabled") { report.add(.translated, enabled.written, "-> engine.type") }
        guard let type = take("broker.type") ?? value("broker.enabled") else { return }
        switch kind {
        case "memory", "redis", "nats":
            move(type, to: "engine.type", type.replaced(by: kind))
            noteKind(kind)
        default: refuse(type, nearest: "`engine.type: nats`, which keeps histories, too")
        }
    }

    private mutating func noteKind(_ kind: String) {
        switch kind {
        case "nats":
            report.note(
                "`broker.type: nats` of Centrifugo delivers at most once and has no history; `engine.type: nats` of Pharos "
                    + "numbers publications and keeps histories in JetStream, which the servers need to have on (2.12.1 or newer)"
            )
        case "redis":
            report.note(
                "what Centrifugo has stored in Redis is not read: histories begin anew, and clients that come back are told "
                    + "so by a new epoch")
        case "memory" where purpose == .file && hasHistory:
            report.note(
                "histories of Centrifugo's memory engine end with its process; Pharos keeps them on the disk, in `store.path`. "
                    + "`store.path: \"\"` keeps them in memory")
        default: break
        }
    }

    private var hasHistory: Bool {
        source.values().contains { $0.key.hasSuffix(".history_size") && !$0.isIdle([]) }
    }

    private func written(_ key: String) -> String { source.written[key] ?? key }

    // MARK: Redis

    private mutating func translateRedis(_ kind: String, isBrokerOn: Bool) {
        for key in keys(below: "broker.redis") {
            guard isBrokerOn, kind == "redis" else {
                if let value = take(key) { drop(value, "`\(written("broker.type"))` is not `redis`") }
                continue
            }
            translateRedis(key, below: "broker.redis.")
        }
        for key in keys(below: "engine.redis") {
            // A section that a broker of another kind leaves to presence is needed no more.
            guard isBrokerOn else {
                translateRedis(key, below: "engine.redis.")
                continue
            }
            if let value = take(key) { drop(value, "the broker counts, and presence needs no store") }
        }
    }

    private mutating func translateRedis(_ key: String, below prefix: String) {
        guard let value = value(key) else { return }
        let target = "engine.redis." + key.dropFirst(prefix.count)
        switch target {
        case "engine.redis.cluster_address", "engine.redis.sentinel_address":
            translateHosts(value, to: target)
        case "engine.redis.tls.server_ca_pem": translatePEM(value, to: target + "_file")
        case _ where ImportTable.own.contains(target):
            if case .nothing = value.node.content { return drop(value, "it is empty") }
            move(value, to: target)
        default: settle(value)
        }
    }

    /// Takes apart lists of hosts.
    ///
    /// Each text of Centrifugo's list has all hosts of one cluster, or all sentinels of one master.
    private mutating func translateHosts(_ value: ImportedValue, to target: String) {
        let isForeign = value.texts.contains { $0.contains(",") }
        if purpose == .file || isForeign, value.texts.count > 1, case .list = value.node.content {
            refuse(value, nearest: "one cluster, or one master; its hosts as the items of `\(target)`")
        } else if value.isIdle([]) {
            drop(value, "it is empty")
        } else {
            move(
                value, to: target, value.replaced(by: value.texts.flatMap { $0.split(separator: ",").map(String.init) })
            )
        }
    }

    // MARK: NATS

    private mutating func translateNATS(isUsed: Bool) {
        for key in keys(below: "broker.nats") {
            guard isUsed else {
                if let value = take(key) { drop(value, "`\(written("broker.type"))` is not `nats`") }
                continue
            }
            guard let value = value(key) else { continue }
            switch key {
            case "broker.nats.url":
                move(value, to: "engine.nats.url", value.replaced(by: value.texts))
            case "broker.nats.prefix": translatePrefix(value)
            case "broker.nats.tls.server_ca_pem": translatePEM(value, to: "engine.nats.tls.server_ca_pem_file")
            case "broker.nats.tls.enabled", "broker.nats.tls.server_name", "broker.nats.tls.server_ca_pem_file":
                move(value, to: "engine." + key.dropFirst("broker.".count))
            default: settle(value)
            }
        }
    }

    /// A prefix is the name of streams, too, so it has fewer letters to choose from.
    private mutating func translatePrefix(_ value: ImportedValue) {
        let text = (value.text ?? "").lowercased().utf8.map { byte -> Character in
            let isAllowed =
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
            return isAllowed ? Character(UnicodeScalar(byte)) : "_"
        }
        if text.isEmpty { return drop(value, "it is empty") }
        let prefix = String(text.prefix(32))
        if prefix != value.text {
            report.note("`engine.nats.prefix` is `\(prefix)`: it may have small letters, digits and underscores")
        }
        move(value, to: "engine.nats.prefix", value.replaced(by: prefix))
    }
}
