import PharosDomain
import PharosEdge
import PharosProtocol

/// One connection at a raw path, which belongs to one shard.
///
/// It exists until its socket has gone and its origin has had all its events.
final class RawConnection {
    let id: ConnectionID
    let path: RawPath
    let wire: Wire
    /// By what the origin knows it.
    let rawID: RawConnectionID
    let name: ClientName
    /// The client's.
    let address: String
    /// Milliseconds since 1970.
    let connectedAtMs: Int64
    var lastActiveAtMs: Int64
    var subscriptions: [(channel: ChannelName, node: UInt32)] = []
    /// For the first event.
    var facts = RequestFacts()
    var inbox = RawInbox()
    /// Number of the newest event.
    var sequence: UInt64 = 0
    /// Number of the event that the origin has not answered yet; 0: none.
    var awaited: UInt64 = 0
    /// Whether the origin took the first event: then it gets one of the end as well.
    var isAccepted = false
    /// Whether it has its socket.
    var isOpen = true
    var isPaused = false
    var endCode: UInt16 = 0
    var endReason = ""
    /// Monotonic milliseconds; 0: no ping is due, or no pong awaited.
    var nextPingMs: Int64 = 0
    var pongDueMs: Int64 = 0

    init(
        id: ConnectionID, path: RawPath, wire: Wire, rawID: RawConnectionID, name: ClientName, address: String,
        nowMs: Int64
    ) {
        self.id = id
        self.path = path
        self.wire = wire
        self.rawID = rawID
        self.name = name
        self.address = address
        connectedAtMs = nowMs
        lastActiveAtMs = nowMs
    }

    /// Nothing more will happen to it.
    var isOver: Bool { !isOpen && awaited == 0 && inbox.isEmpty }
}

/// Events of one connection that wait for its origin, in order.
struct RawInbox {
    /// Bytes that an event counts besides its message.
    static let overhead = 64

    private var events: [RawEvent.Kind] = []
    private var next = 0
    /// Bytes of what waits, and of what the origin has not answered yet.
    private(set) var bytes = 0
    private var bytesAsked = 0

    var isEmpty: Bool { next == events.count }

    mutating func append(_ event: RawEvent.Kind) {
        events.append(event)
        bytes += RawInbox.size(of: event)
    }

    /// The next event, which is with the origin from now on.
    mutating func popFirst() -> RawEvent.Kind? {
        guard next < events.count else { return nil }
        let event = events[next]
        events[next] = .message([], isText: true)
        next += 1
        if next == events.count {
            events.removeAll(keepingCapacity: next <= 8)
            next = 0
        } else if next >= 64, next * 2 > events.count {
            events.removeFirst(next)
            next = 0
        }
        bytesAsked = RawInbox.size(of: event)
        return event
    }

    /// The origin has answered; so many bytes fewer wait.
    mutating func answered() -> Int {
        defer { bytesAsked = 0 }
        bytes -= bytesAsked
        return bytesAsked
    }

    /// Forgets what waits; so many bytes.
    mutating func removeAll() -> Int {
        defer { bytes = bytesAsked }
        events = []
        next = 0
        return bytes - bytesAsked
    }

    private static func size(of event: RawEvent.Kind) -> Int {
        if case .message(let data, _) = event { return data.count + overhead }
        return overhead
    }
}
