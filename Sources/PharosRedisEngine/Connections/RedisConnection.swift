import PharosBytes
import PharosLinks
import PharosRedis

/// The receiver of what happens on a connection besides the replies to commands.
protocol RedisConnectionOwner: AnyObject {
    /// The handshake is over.
    ///
    /// The owner looks at the server by `sendNow`, and then calls `becomeReady` or `reject`.
    func greeted(_ connection: RedisConnection, _ server: RedisServer)
    /// The connection was lost, or an attempt failed; all commands have failed before.
    func lost(_ connection: RedisConnection)
    /// A message or a change of a subscription.
    func heard(_ event: RedisEvent, _ connection: RedisConnection)
}

/// One connection to a server, made anew whenever it is lost.
///
/// Used on the link thread only. Commands are taken while the first connection is being made, and refused at once while there is none: so a publisher
/// hears soon that its server is away. Nothing is sent twice. Each command is completed exactly once.
final class RedisConnection: LinkMachine {
    typealias Completion = (Result<RESPValue, RedisFailure>) -> Void

    private enum Wait {
        case command(Completion)
        case order((RedisFailure?) -> Void)
    }

    /// A command that waits for the connection to be ready, or for room.
    private struct Held {
        var command: RedisCommand
        var withinMs: Int64
        /// When it has waited for too long; monotonic milliseconds.
        var untilMs: Int64
        var completion: Completion
    }

    /// Commands that may wait for their replies at once.
    ///
    /// So many are answered well before any deadline.
    private static let window = 10_000

    /// For operators, for example "commands".
    let purpose: String
    private let options: RedisSessionOptions
    private let template: LinkSettings
    private weak var owner: (any RedisConnectionOwner)?
    private var loop: LinkLoop?
    private var link: Link?
    private var session: RedisSession
    private var waits: [UInt64: Wait] = [:]
    private var held = FIFO<Held>()
    private var wantsAnother = false
    private var isClosed = false
    /// Why the connection that is there is given up.
    private var reason: String?
    /// Why there is none.
    private var lastReason: String?
    private(set) var isReady = false
    /// Whether the last attempt failed and none has succeeded since.
    private(set) var isDown = false
    /// When something was received last; monotonic milliseconds.
    private(set) var lastHeardMs: Int64 = 0
    private(set) var server: RedisServer?

    init(_ purpose: String, _ template: LinkSettings, _ options: RedisSessionOptions, owner: any RedisConnectionOwner) {
        self.purpose = purpose
        self.template = template
        self.options = options
        self.owner = owner
        session = RedisSession(options)
    }

    /// Begins to connect, to other addresses than before if it has already.
    func connect(to addresses: [LinkAddress], on loop: LinkLoop) {
        guard !isClosed else { return }
        self.loop = loop
        if let link {
            guard link.settings.addresses != addresses else { return }
            link.close()
            end("the server is another one now")
        }
        var settings = template
        settings.addresses = addresses
        link = Link(settings, self, on: loop)
    }

    /// The state in one line, without the purpose.
    var state: String {
        if isReady { return "connected" }
        return isDown ? "not connected: \(lastReason ?? "unknown")" : "connecting"
    }

    var address: LinkAddress? { link?.address }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        isReady = false
        link?.close()
        link = nil
        session.close()
        drain()
        failHeld()
    }

    /// Gives up the connection for another one.
    func reconnect(_ reason: String) {
        guard link != nil, !isClosed, isReady || !isDown else { return }
        self.reason = reason
        wantsAnother = true
    }

    // MARK: Setting up

    /// Sends a command in front of those that are held.
    ///
    /// Only while the connection is being set up.
    func sendNow(_ command: RedisCommand, withinMs: Int64, _ completion: @escaping Completion) {
        let ticket = session.send(command, deadlineMs: (loop?.nowMs ?? 0) + withinMs)
        waits[ticket.number] = .command(completion)
    }

    /// The server is the right one: what was held is sent.
    func becomeReady() {
        guard !isReady, session.isReady else { return }
        (isReady, isDown, reason) = (true, false, nil)
        link?.proven()
        refill()
    }

    /// The server cannot be used: another connection is tried.
    func reject(_ reason: String) {
        self.reason = reason
        wantsAnother = true
    }

    // MARK: Commands

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
    private func refill() {
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

    // MARK: LinkMachine

    func connected(nowMs: Int64) {
        (wantsAnother, reason) = (false, nil)
        session.begin(nowMs: nowMs)
        drain()
    }

    func secured(nowMs: Int64) {}

    func received(_ bytes: UnsafeRawBufferPointer, nowMs: Int64) {
        lastHeardMs = nowMs
        session.receive(bytes)
        drain()
    }

    func disconnected(_ failure: LinkFailure, nowMs: Int64) {
        end(reason ?? failure.description)
    }

    func advance(toMs nowMs: Int64) {
        session.advance(toMs: nowMs)
        drain()
    }

    var nextDeadlineMs: Int64 { session.nextDeadlineMs ?? .max }

    func withOutput(_ body: (UnsafeRawBufferPointer) -> Int) {
        while true {
            let (sent, count) = session.withOutput { $0.isEmpty ? (0, 0) : (body($0), $0.count) }
            if sent > 0 { session.markSent(sent) }
            // All that was taken, or nothing more is taken now.
            if sent == 0 || sent == count { return }
        }
    }

    var wish: LinkWish { wantsAnother ? .reconnect : .nothing }

    // MARK: Events

    private func drain() {
        while let event = session.nextEvent() {
            switch event {
            case .ready(let server):
                self.server = server
                owner?.greeted(self, server)
            case .reply(let ticket, let value): complete(ticket, .success(value))
            case .failed(let ticket, let failure): complete(ticket, .failure(failure))
            case .confirmed(let ticket): complete(ticket, .success(.null))
            case .closed(let cause):
                isReady = false
                if reason == nil { reason = RedisConnection.text(cause) }
                wantsAnother = true
            case .message, .shardMessage, .patternMessage, .subscription: owner?.heard(event, self)
            case .push: break
            }
        }
        refill()
    }

    private func complete(_ ticket: RedisTicket, _ result: Result<RESPValue, RedisFailure>) {
        switch waits.removeValue(forKey: ticket.number) {
        case .command(let completion)?: completion(result)
        case .order(let completion)?:
            switch result {
            case .success: completion(nil)
            case .failure(let failure): completion(failure)
            }
        case nil: break
        }
    }

    /// The session is over, or there was none.
    private func end(_ why: String) {
        isReady = false
        session.disconnected()
        drain()
        session = RedisSession(options)
        (waits, wantsAnother) = ([:], false)
        (isDown, reason, lastReason) = (true, nil, why)
        failHeld()
        owner?.lost(self)
    }

    private func failHeld() {
        var commands = held
        held = FIFO()
        while let entry = commands.popFirst() { entry.completion(.failure(.closed(.notSent))) }
    }

    private static func text(_ cause: RedisCloseReason) -> String {
        switch cause {
        case .closed: "closed"
        case .disconnected: "the server ended the connection"
        case .refused(let error): "refused: \(error)"
        case .handshakeTimedOut: "no answer to the handshake in time"
        case .commandTimedOut: "no answer to a command in time"
        case .malformed(let error): "not the protocol of Redis: \(error)"
        case .unexpectedReply: "a reply that answers nothing"
        }
    }
}
