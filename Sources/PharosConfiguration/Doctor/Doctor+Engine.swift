package import PharosDomain

extension Doctor {
    /// Judges the engine that several nodes share.
    package static func engine(_ engine: EngineSettings, _ facts: EngineFacts) -> [Finding] {
        let subject = "engine.type"
        let state = facts.links.isEmpty ? "no link" : facts.links.joined(separator: ", ")
        var findings = encryption(engine)
        guard facts.isReady else {
            let remedy =
                switch engine.kind {
                case .topic: "Start the node with the role topic, and check engine.topic.address and engine.secret."
                case .nats: "Start nats-server 2.12.1 or newer with -js, and check engine.nats.url and the credentials."
                case .redis: "Start the server, and check engine.redis.address and the credentials."
                case .memory, .disk: ""
                }
            findings.append(
                Finding(
                    severity: .broken, subject: subject, message: "\(engine.kind.rawValue) is not reached: \(state)",
                    remedy: remedy))
            return findings
        }
        findings.append(
            Finding(severity: .fine, subject: subject, message: "\(engine.kind.rawValue): \(state)"))
        findings += clocks(facts.clocksAheadMs)
        if let servers = facts.nats { findings += nats(engine.nats, servers) }
        for server in facts.redis { findings += redis(engine.redis, server) }
        return findings
    }

    /// A server whose certificate is not looked at may be anybody.
    private static func encryption(_ engine: EngineSettings) -> [Finding] {
        let links = [
            ("engine.topic.tls", engine.topic.tls), ("engine.nats.tls", engine.nats.tls),
            ("engine.redis.tls", engine.redis.tls),
        ]
        return links.filter { $0.1.enabled && $0.1.trustsAll }.map { key, _ in
            Finding(
                severity: .advice, subject: "\(key).insecure_skip_verify",
                message: "whatever certificate the server shows is taken, so anybody on the way may be the server",
                remedy: "Name its authority by \(key).server_ca_pem_file instead.")
        }
    }

    /// Times to live of tokens and histories go by different clocks.
    private static func clocks(_ aheadMs: [String: Int64]) -> [Finding] {
        aheadMs.sorted { $0.key < $1.key }.map { server, aheadMs in
            let magnitude = aheadMs.magnitude
            let text = "\(magnitude / 1_000).\(magnitude % 1_000 / 100) s"
            guard magnitude > 1_000 else {
                return Finding(severity: .fine, subject: "clock", message: "\(server) differs by less than a second")
            }
            return Finding(
                severity: .advice, subject: "clock",
                message:
                    "the clock of \(server) is \(text) \(aheadMs > 0 ? "ahead of" : "behind") this machine's: what "
                    + "expires does so at another time than its publisher meant",
                remedy: "Keep the clocks of both by NTP.")
        }
    }

    private static func nats(_ options: NATSEngineOptions, _ facts: NATSFacts) -> [Finding] {
        var findings: [Finding] = []
        for stream in facts.streams ?? [] {
            if let objection = stream.objection {
                findings.append(
                    Finding(
                        severity: .broken, subject: "nats stream \(stream.name)", message: objection,
                        remedy: "Set engine.nats.streams or engine.nats.prefix to what made the stream."))
            } else if stream.replicas != options.replicas {
                findings.append(
                    Finding(
                        severity: .advice, subject: "nats stream \(stream.name)",
                        message: "it has \(copies(stream.replicas)), and engine.nats.replicas is "
                            + "\(options.replicas): that counts when a stream is made",
                        remedy: "nats stream edit \(stream.name) --replicas=\(options.replicas)"))
            }
        }
        if facts.cluster != nil, options.replicas == 1 {
            findings.append(
                Finding(
                    severity: .advice, subject: "engine.nats.replicas",
                    message:
                        "the servers are a cluster, and each stream is on one of them: with it the channels go away",
                    remedy: "Set engine.nats.replicas to 3, where there are three servers."))
        }
        if !facts.version.isEmpty {
            findings.append(
                Finding(severity: .fine, subject: "nats-server", message: "version \(facts.version)"))
        }
        findings.append(
            Finding(
                severity: .advice, subject: "sync_interval",
                message: "a client cannot see it: by default a power failure can lose two minutes of what was "
                    + "acknowledged",
                remedy:
                    "Set `jetstream { sync_interval: always }` on the servers, where a power failure is to lose nothing."
            ))
        return findings
    }

    private static func copies(_ count: Int) -> String { count == 1 ? "one copy" : "\(count) copies" }
}
