import PharosRedis

/// The facts about a server that are found out before it is used.
struct RedisSetup {
    /// The digests of the scripts that were loaded.
    struct Scripts {
        var publish: [UInt8] = []
        var read: [UInt8] = []
    }

    private(set) var scripts: Scripts?
    private(set) var seesFence = false
    /// A remark for operators.
    private(set) var note: String?
    /// Why nothing may be published.
    private(set) var refusal: String?

    /// Asks a server whose handshake is over.
    ///
    /// - Parameters:
    ///   - ready: called once all has been answered and the server may be used.
    ///   - wrong: called with the reason if it may not; neither is called if the connection ends before.
    static func look(
        at connection: RedisConnection, _ settings: RedisEngineSettings, checksRole: Bool, isCommands: Bool,
        isShard: Bool,
        ready: @escaping (RedisSetup) -> Void, wrong: @escaping (String) -> Void
    ) {
        let answers = Answers(ready, wrong)
        let withinMs = settings.requestTimeoutMs
        if checksRole {
            answers.ask(connection, ["ROLE"], withinMs) { setup, result in
                // A server that does not say it may be a proxy.
                guard case .success(let reply) = result, let role = try? reply.elements().first?.text() else {
                    return nil
                }
                return role == "master" ? nil : "the server is no master but a \(role)"
            }
        }
        if isCommands {
            answers.ask(connection, ["SCRIPT", "LOAD", .text(RedisScripts.publish)], withinMs) { setup, result in
                switch result {
                case .success(let reply): setup.scripts = Scripts(publish: (try? reply.bytes()) ?? [])
                case .failure(.server(let error)): return "the script cannot be loaded: \(error)"
                case .failure: break
                }
                return nil
            }
            answers.ask(connection, ["SCRIPT", "LOAD", .text(RedisScripts.read)], withinMs) { setup, result in
                if case .success(let reply) = result { setup.scripts?.read = (try? reply.bytes()) ?? [] }
                return nil
            }
            if settings.onFailover == .newEpoch {
                answers.ask(connection, ["INFO", "replication"], withinMs) { setup, result in
                    let text = (try? result.get().text()) ?? ""
                    setup.seesFence = text.contains("master_replid:")
                    if !setup.seesFence {
                        setup.note = "INFO is hidden: whether a failover lost writes cannot be told"
                    }
                    return nil
                }
            }
            if isShard {
                answers.ask(connection, ["COMMAND", "INFO", "SPUBLISH"], withinMs) { setup, result in
                    let known = (try? result.get().elements().first)?.isNull == false
                    if !known { setup.refusal = "a Cluster needs Redis 7.0 or newer, which has SPUBLISH" }
                    return nil
                }
            }
            if settings.durability == .appendOnlyFile {
                answers.ask(connection, ["COMMAND", "INFO", "WAITAOF"], withinMs) { setup, result in
                    let known = (try? result.get().elements().first)?.isNull == false
                    if !known { setup.refusal = "durability aof needs Redis 7.2 or newer, which has WAITAOF" }
                    return nil
                }
            }
        }
        answers.begin()
    }

    /// The questions of one connection, and how many are not answered.
    private final class Answers {
        private var setup = RedisSetup()
        private var open = 1
        private var isOver = false
        private let ready: (RedisSetup) -> Void
        private let wrong: (String) -> Void

        init(_ ready: @escaping (RedisSetup) -> Void, _ wrong: @escaping (String) -> Void) {
            (self.ready, self.wrong) = (ready, wrong)
        }

        func ask(
            _ connection: RedisConnection, _ command: RedisCommand, _ withinMs: Int64,
            _ note: @escaping (inout RedisSetup, Result<RESPValue, RedisFailure>) -> String?
        ) {
            open += 1
            connection.sendNow(command, withinMs: withinMs) { result in
                if case .failure(let failure) = result {
                    // Without a reply the connection has ended: that is reported by itself.
                    guard case .server(let error) = failure else { return self.isOver = true }
                    if error.isTemporary { return self.refuse("\(error)") }
                }
                if let reason = note(&self.setup, result) { return self.refuse(reason) }
                self.begin()
            }
        }

        func begin() {
            open -= 1
            guard open == 0, !isOver else { return }
            isOver = true
            ready(setup)
        }

        private func refuse(_ reason: String) {
            guard !isOver else { return }
            isOver = true
            wrong(reason)
        }
    }
}
