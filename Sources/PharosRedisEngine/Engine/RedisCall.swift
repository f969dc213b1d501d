import PharosDomain
import PharosRedis

/// A command that may have to be sent again, to another server or with its script.
///
/// That is done only where the server said that it did not carry it out.
struct RedisCall {
    enum Script {
        case publish, read
    }

    /// Nil: a command without a script.
    var script: Script?
    /// Where its keys are.
    var tag: Int
    var keys: [String] = []
    /// After the keys; the whole command if there is no script.
    var arguments: [RedisArgument]
    /// Whether it is as durable as configured before it is completed.
    var isPublication = false
    /// How often it may still be sent elsewhere.
    var attempts = 5

    /// The command for a server that has loaded the scripts.
    func command(_ scripts: RedisSetup.Scripts?, withText: Bool) -> RedisCommand {
        guard let script else { return RedisCommand(arguments) }
        let text = script == .publish ? RedisScripts.publish : RedisScripts.read
        let digest = script == .publish ? scripts?.publish : scripts?.read
        var all: [RedisArgument]
        if let digest, !digest.isEmpty, !withText {
            all = ["EVALSHA", .bytes(digest)]
        } else {
            all = ["EVAL", .text(text)]
        }
        all.append(.integer(Int64(keys.count)))
        all += keys.map { .text($0) }
        return RedisCommand(all + arguments)
    }
}

extension RedisEngineCore {
    /// Sends a call, follows redirections, and completes it once.
    func send(
        _ call: RedisCall, to master: RedisMaster, withText: Bool = false, isAsking: Bool = false,
        _ completion: @escaping RedisConnection.Completion
    ) {
        if isAsking { master.send(["ASKING"]) { _ in } }
        let command = call.command(master.scripts, withText: withText)
        let finish: RedisConnection.Completion = { [weak self, weak master] result in
            guard let self, let master, case .failure(.server(let error)) = result else { return completion(result) }
            self.failed(call, error, at: master, isAsking: isAsking, completion)
        }
        if call.isPublication { master.publish(command, finish) } else { master.send(command, finish) }
    }

    private func failed(
        _ call: RedisCall, _ error: RedisServerError, at master: RedisMaster, isAsking: Bool,
        _ completion: @escaping RedisConnection.Completion
    ) {
        var again = call
        again.attempts -= 1
        let failure = Result<RESPValue, RedisFailure>.failure(.server(error))
        guard again.attempts > 0, !isClosed else { return completion(failure) }
        switch error.kind {
        case .noScript:
            // The scripts were flushed; this one is loaded by being carried out.
            send(again, to: master, withText: true, isAsking: isAsking, completion)
        case .moved(let redirection), .ask(let redirection):
            let isLasting = if case .moved = error.kind { true } else { false }
            guard let other = topology.redirected(redirection, isLasting: isLasting, from: master) else {
                return completion(failure)
            }
            send(again, to: other, isAsking: !isLasting, completion)
            other.endRound()
        case .readOnly, .masterDown:
            // It was made a replica; the next connection may lead to the master.
            master.renew("\(error)")
            topology.look()
            completion(failure)
        case .clusterDown:
            topology.look()
            completion(failure)
        default: completion(failure)
        }
        master.endRound()
    }

    /// The error that a publisher or a reader gets.
    func replyError(_ failure: RedisFailure, _ what: String) -> ReplyError {
        switch failure {
        case .server(let error):
            report("\(what): \(error)")
            return error.isTemporary ? .engineAway : .engineFailing
        case .timedOut, .closed: return .engineAway
        }
    }
}
