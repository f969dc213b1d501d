package import PharosDomain

extension Doctor {
    /// Judges the engine that several nodes share.
    ///
    /// - Parameters:
    ///   - isReady: whether it could be asked.
    ///   - links: the state of each of its links.
    package static func engine(_ engine: EngineSettings, isReady: Bool, links: [String]) -> [Finding] {
        let subject = "engine.type"
        let state = links.isEmpty ? "no link" : links.joined(separator: ", ")
        guard isReady else {
            let remedy =
                switch engine.kind {
                case .topic: "Start the node with the role topic, and check engine.topic.address and engine.secret."
                case .nats: "Start nats-server 2.12.1 or newer with -js, and check engine.nats.url and the credentials."
                case .redis: "Start the server, and check engine.redis.address and the credentials."
                case .memory, .disk: ""
                }
            return [
                Finding(
                    severity: .broken, subject: subject, message: "\(engine.kind.rawValue) is not reached: \(state)",
                    remedy: remedy)
            ]
        }
        return [Finding(severity: .fine, subject: subject, message: "\(engine.kind.rawValue): \(state)")]
            + engineAdvice(engine)
    }

    private static func engineAdvice(_ engine: EngineSettings) -> [Finding] {
        switch engine.kind {
        case .memory, .disk, .topic: []
        case .nats:
            [
                Finding(
                    severity: .advice, subject: "sync_interval",
                    message: "a client cannot see it: by default a power failure can lose two minutes of what was "
                        + "acknowledged",
                    remedy:
                        "Set `jetstream { sync_interval: always }` on the servers, where a power failure is to lose nothing."
                )
            ]
        case .redis:
            [
                Finding(
                    severity: .advice, subject: "redis persistence",
                    message: "what a master has acknowledged is lost with it unless it is persisted or replicated",
                    remedy:
                        "Set `appendonly yes`; with replicas also `min-replicas-to-write 1`, or engine.redis.durability."
                )
            ]
        }
    }
}
