import PharosBytes
import PharosLinks
import PharosRedis

/// Commands on a connection, and changes of its subscriptions.
extension RedisConnection {
    /// Sends a command, once fewer than `window` others wait for their replies.
    ///
    /// - Parameter withinMs: how long it may wait for that, and how long its reply may take then. A reply that is late ends
    ///   the connection, since the server, or the way to it, is taken for dead.
    func send(_ command: RedisCommand, withinMs: Int64, _ completion: @escaping Completion) {
        if isReady, held.isEmpty, session.waitingCount < RedisConnection.window {
            sendNow(command, withinMs: withinMs, completion)
        } else if isDown && !isReady || isClosed {
            completion(.failure(.closed(.notSent)))
        } else {
            let untilMs = (loop?.nowMs ?? 0) + withinMs
            held.append(Held(command: command, withinMs: withinMs, untilMs: untilMs, completion: completion))
        }
    }

    /// Sends what is held, as far as the window allows.
    func refill() {
        guard isReady, !held.isEmpty, let now = loop?.nowMs else { return }
        while isReady, session.waitingCount < RedisConnection.window, let entry = held.popFirst() {
            if entry.untilMs <= now {
                entry.completion(.failure(.timedOut(.notSent)))
            } else {
                sendNow(entry.command, withinMs: entry.withinMs, entry.completion)
            }
        }
    }

    /// Subscribes or unsubscribes; the connection has to be ready.
    func change(_ order: RedisSubscriptionOrder, withinMs: Int64, _ completion: @escaping (RedisFailure?) -> Void) {
        guard isReady else { return completion(.closed(.notSent)) }
        waits[session.change(order, deadlineMs: (loop?.nowMs ?? 0) + withinMs).number] = .order(completion)
    }
}
