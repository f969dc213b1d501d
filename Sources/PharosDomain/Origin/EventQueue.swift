/// An event log with a queue for each origin and the list of clients.
///
/// It is for the code that sends the events.
///
/// All methods may be called from any task. Each origin's queue has one reader.
package protocol EventQueue: EventLog {
    /// Origins that events were waiting for when the log was opened.
    ///
    /// The configuration may not name them any more.
    var storedOrigins: [OriginName] { get }

    /// Forgets the origin's events up to `acknowledged`, and gives the oldest.
    ///
    /// They are those that are left: committed ones, in order.
    ///
    /// Waits until there is one. After `release` it does not wait: nothing then means that nothing is left.
    func next(
        for origin: OriginName, after acknowledged: UInt64, limits: EventBatchLimits
    ) async -> [NumberedEvent]

    /// From now on `next` waits for nothing, since nothing more will be recorded.
    func release()

    /// Live clients whose events go to `origin`, in a fixed order.
    ///
    /// They begin at `cursor`, which is "" at the start.
    func roll(of origin: OriginName, cursor: String, limit: Int) async throws -> EventRoll

    /// One page of the clients and their channels.
    ///
    /// Pages are taken at different times, and each says as of which number it is.
    ///
    /// The program that puts them together applies all events with numbers above the first page's, in order, to the
    /// pages' content: events say how things are afterwards, so applying those again that a later page contains changes
    /// nothing.
    ///
    /// - Parameters:
    ///   - cursor: `nextCursor` of the page before; "": the first page. It is opaque.
    ///   - limit: clients of this page.
    /// - Throws: `ReplyError`.
    func snapshot(cursor: String, limit: Int) async throws -> PresenceSnapshot

    var totals: EventTotals { get }
    var health: StoreHealth { get }
    /// Stores the recorded events, answers waiting readers, and ends.
    func close()
}

/// How much one batch may hold; a single event that is larger goes alone.
package struct EventBatchLimits: Equatable, Sendable {
    package var count: Int
    package var bytes: Int

    package init(count: Int = 100, bytes: Int = 262_144) {
        self.count = count
        self.bytes = bytes
    }
}

/// Some of the clients that are connected.
package struct EventRoll: Equatable, Sendable {
    /// Of the newest event that it knows of.
    package var sequence: UInt64
    package var clients: [ClientName]
    /// "": these were the last.
    package var nextCursor: String

    package init(sequence: UInt64, clients: [ClientName], nextCursor: String) {
        self.sequence = sequence
        self.clients = clients
        self.nextCursor = nextCursor
    }
}

/// How full an event log is.
package struct EventTotals: Equatable, Sendable {
    /// Events that wait to be sent.
    package var waiting = 0
    /// Their bytes.
    package var waitingBytes = 0
    /// Events recorded since the start.
    package var recorded: UInt64 = 0
    /// Events that could be kept nowhere.
    ///
    /// The disk failed for so long that memory had no room either.
    package var lost: UInt64 = 0

    package init() {}
}

extension OriginEvent {
    /// About the bytes that it holds while it waits.
    package var size: Int {
        96 + client.utf8.count + user.utf8.count + channel.utf8.count + transport.utf8.count + origin.utf8.count
            + reason.utf8.count + meta.count
    }
}
