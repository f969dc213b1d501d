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
final class RedisConnection {
    typealias Completion = (Result<RESPValue, RedisFailure>) -> Void

    enum Wait {
        case command(Completion)
        case order((RedisFailure?) -> Void)
    }

    /// A command that waits for the connection to be ready, or for room.
    struct Held {
        var command: RedisCommand
        var withinMs: Int64
        /// When it has waited for too long; monotonic milliseconds.
        var untilMs: Int64
        var completion: Completion
    }

    /// Commands that may wait for their replies at once.
    ///
    /// So many are answered well before any deadline.
    static let window = 10_000

    /// For operators, for example "commands".
    let purpose: String
    let options: RedisSessionOptions
    private let template: LinkSettings
    weak var owner: (any RedisConnectionOwner)?
    var loop: LinkLoop?
    var link: Link?
    var session: RedisSession
    var waits: [UInt64: Wait] = [:]
    var held = FIFO<Held>()
    var wantsAnother = false
    var isClosed = false
    /// Why the connection that is there is given up.
    var reason: String?
    /// Why there is none.
    var lastReason: String?
    var isReady = false
    /// Whether the last attempt failed and none has succeeded since.
    var isDown = false
    /// When something was received last; monotonic milliseconds.
    var lastHeardMs: Int64 = 0
    var server: RedisServer?

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
}
