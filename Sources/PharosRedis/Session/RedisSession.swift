import PharosBytes

/// The state of one connection to Redis or Valkey, without IO.
///
/// Orders, bytes and times go in; bytes to send and events come out. By "Redis serialization protocol specification" and
/// the documentation of HELLO. The owner sends what `withOutput` shows and says how much by `markSent`, hands over what
/// arrives by `receive`, calls `advance` at `nextDeadlineMs`, and takes all events after each call. When `closed` has come,
/// it closes the connection.
///
/// Commands are accepted at once: those before the end of the handshake are held back. Replies are matched in order. Each
/// command ends by exactly one event, at the latest when the session does. Nothing is sent twice. Times are monotonic
/// milliseconds, all of one clock. Not thread-safe.
package struct RedisSession: ~Copyable {
    enum State {
        case idle
        case handshake(RedisHandshake, deadlineMs: Int64)
        case ready(RedisServer)
        case closed
    }

    let options: RedisSessionOptions
    var state = State.idle
    var parser: RESPParser
    var output = RedisOutput()
    var events = FIFO<RedisEvent>()
    var waiting = WaitingCommands()
    /// The commands of all that waits, until the handshake is over.
    var held: [RedisCommand] = []
    /// Channels and patterns subscribed to, as the server counts them.
    var subscriptionCount: Int64 = 0
    /// Sharded channels subscribed to, which the server counts apart.
    var shardSubscriptionCount: Int64 = 0
    private var tickets: UInt64 = 0

    package init(_ options: RedisSessionOptions = RedisSessionOptions()) {
        self.options = options
        parser = RESPParser(limits: options.limits)
    }

    package var isReady: Bool { if case .ready = state { true } else { false } }
    package var isClosed: Bool { if case .closed = state { true } else { false } }

    /// Commands and orders without a result.
    package var waitingCount: Int { waiting.count }

    /// When `advance` is to be called at the latest; nil if nothing is waited for.
    package var nextDeadlineMs: Int64? {
        guard case .handshake(_, let deadlineMs) = state else { return waiting.earliestDeadlineMs }
        return min(deadlineMs, waiting.earliestDeadlineMs ?? deadlineMs)
    }

    /// Begins the handshake: the connection stands.
    package mutating func begin(nowMs: Int64) {
        guard case .idle = state else { return }
        var handshake = RedisHandshake(options)
        let outcome = handshake.begin()
        state = .handshake(handshake, deadlineMs: nowMs + options.handshakeTimeoutMs)
        carryOut(outcome)
    }

    /// Sends a command; its result comes as an event with the ticket returned.
    ///
    /// A session that is over fails it at once. Commands that change how replies are matched must not come this way:
    /// those of subscriptions, for which there is `change`, HELLO, RESET, MONITOR, SYNC, PSYNC, QUIT and CLIENT REPLY.
    package mutating func send(_ command: RedisCommand, deadlineMs: Int64) -> RedisTicket {
        enqueue(command, .reply, deadlineMs: deadlineMs)
    }

    /// Subscribes or unsubscribes; returns the ticket of the result.
    ///
    /// That is `confirmed`, after one `subscription` for each channel, or `failed`.
    /// In RESP2 a connection with subscriptions refuses all other commands but PING.
    package mutating func change(_ order: RedisSubscriptionOrder, deadlineMs: Int64) -> RedisTicket {
        enqueue(order.command, .confirmations(order, next: 0), deadlineMs: deadlineMs)
    }

    /// Lends the bytes to send.
    package func withOutput<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result { output.withBytes(body) }

    /// Says that the first bytes of the output have been handed to the connection.
    package mutating func markSent(_ count: Int) { output.markSent(count) }

    /// Takes the next event; nil if there is none.
    package mutating func nextEvent() -> RedisEvent? { events.popFirst() }

    private mutating func enqueue(
        _ command: RedisCommand, _ expectation: WaitingCommand.Expectation, deadlineMs: Int64
    ) -> RedisTicket {
        tickets += 1
        let ticket = RedisTicket(number: tickets)
        var entry = WaitingCommand(ticket: ticket, deadlineMs: deadlineMs, expectation: expectation)
        switch state {
        case .closed:
            events.append(.failed(ticket, .closed(.notSent)))
            return ticket
        case .idle, .handshake: held.append(command)
        case .ready:
            output.append(command)
            entry.endOffset = output.endOffset
        }
        waiting.append(entry)
        return ticket
    }
}
