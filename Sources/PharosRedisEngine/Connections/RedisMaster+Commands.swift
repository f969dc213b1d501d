import PharosRedis

extension RedisMaster {
    func send(_ command: RedisCommand, _ completion: @escaping RedisConnection.Completion) {
        commands.send(command, withinMs: settings.requestTimeoutMs, completion)
    }

    /// Sends a publication.
    ///
    /// It is completed when it is as durable as configured, or has failed.
    func publish(_ command: RedisCommand, _ completion: @escaping RedisConnection.Completion) {
        guard settings.durability != .accepted else { return send(command, completion) }
        send(command) { [weak self] result in
            guard let self, case .success(let value) = result else { return completion(result) }
            self.round.append { wait in completion(wait.map { _ in value }) }
        }
        isRoundOpen = true
    }

    /// Ends a round of requests: all publications of it share one wait.
    func endRound() {
        guard isRoundOpen else { return }
        isRoundOpen = false
        let limit = settings.requestTimeoutMs * 4 / 5
        let command: RedisCommand
        let needed: Int64
        switch settings.durability {
        case .accepted: return
        case .replicated(let count):
            needed = Int64(count)
            command = ["WAIT", .integer(needed), .integer(limit)]
        case .appendOnlyFile:
            needed = 1
            command = ["WAITAOF", 1, 0, .integer(limit)]
        }
        send(command) { [weak self] result in
            guard let self else { return }
            let waiting = self.round
            self.round = []
            let isDurable = result.map { reply in
                let count = (try? reply.integer()) ?? (try? reply.elements().first?.integer()) ?? 0
                return count >= needed
            }
            // It was not sent; what was published before it may still be answered.
            if case .failure(.timedOut(.notSent)) = result { self.isRoundOpen = true }
            for completion in waiting {
                switch isDurable {
                case .success(true): completion(.success(.null))
                case .success(false): completion(.failure(.timedOut(.outcomeUnknown)))
                case .failure(let failure): completion(.failure(failure))
                }
            }
        }
    }
}
