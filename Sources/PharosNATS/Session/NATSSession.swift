import PharosBytes

/// One connection to a NATS server, as a machine without IO.
///
/// Bytes of the server and the time go in, bytes for the server and events come out. All times are monotonic
/// milliseconds of the caller. After each call the caller sends `takeOutput`, handles `takeEvents`, and arms a timer for
/// `nextDeadlineMs`. Not thread-safe.
///
/// A session lives as long as its connection. The next one is made with `subscriptions` of the last one.
package struct NATSSession: ~Copyable {
    package enum State: Equatable, Sendable {
        case awaitingInfo
        /// INFO has come, and TLS is to be established before CONNECT.
        case startingTLS
        /// CONNECT and PING are written, PONG is awaited.
        case connecting
        case ready
        case closed(NATSCloseReason)
    }

    /// Memory for output that stays when it is empty.
    private static let keptOutputBytes = 1 << 20

    struct Request {
        var expectsSeveral: Bool
    }

    let settings: NATSSessionSettings
    let inbox: NATSInbox
    package internal(set) var state = State.awaitingInfo
    /// The newest INFO; nil before the first.
    package internal(set) var info: NATSInfo?
    /// The subscriptions in force, for this session and the next.
    package internal(set) var subscriptions: NATSSubscriptions
    var parser: NATSParser
    var writer = NATSWriter()
    var events: [NATSEvent] = []
    var keepAlive: NATSKeepAlive
    let connectDeadlineMs: Int64
    var hasInbox = false
    var requests = TicketTable<Request>()
    var deadlines = NATSDeadlines()
    /// The PING behind the UNSUBs of `drain`; nil before it.
    var drainPing: UInt64?
    var isDrained = false

    /// Makes the session of a connection that has just been established.
    ///
    /// - Parameters:
    ///   - inboxToken: a token no other client has and none can guess, of `NATSInbox.token`.
    /// - Throws: `invalidSubject` for a token that is none.
    package init(
        settings: NATSSessionSettings, subscriptions: NATSSubscriptions = NATSSubscriptions(), inboxToken: String,
        nowMs: Int64
    ) throws(NATSOrderError) {
        inbox = try NATSInbox(token: inboxToken)
        self.settings = settings
        self.subscriptions = subscriptions
        self.subscriptions.reconnect()
        parser = NATSParser(limits: settings.limits)
        keepAlive = NATSKeepAlive(
            intervalMs: settings.pingIntervalMs, allowed: settings.unansweredPings, nowMs: nowMs)
        connectDeadlineMs = nowMs.after(settings.connectTimeoutMs)
    }

    package var isClosed: Bool {
        if case .closed = state { return true }
        return false
    }

    /// Requests without a final answer.
    package var waitingRequests: Int { requests.count }

    /// The events since the last call.
    package mutating func takeEvents() -> [NATSEvent] {
        var taken: [NATSEvent] = []
        swap(&taken, &events)
        return taken
    }

    /// Bytes for the server that have not been taken.
    package var outputBytes: Int { writer.bytes.count }

    /// Gives the bytes for the server to `body`, which takes all of them.
    package mutating func takeOutput<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let result = writer.bytes.withBytes(body)
        // The memory of a large publication is not kept.
        if writer.bytes.capacity > NATSSession.keptOutputBytes {
            writer = NATSWriter()
        } else {
            writer.bytes.removeAll()
        }
        return result
    }

    /// When `advance` is to be called next; `Int64.max` after the end.
    package var nextDeadlineMs: Int64 {
        switch state {
        case .closed: .max
        case .ready: min(keepAlive.deadlineMs, deadlines.first?.atMs ?? .max)
        case .awaitingInfo, .startingTLS, .connecting: connectDeadlineMs
        }
    }
}
