/// Something that has happened, for the application to know.
///
/// It is sent at least once, and in order for each connection.
package struct OriginEvent: Equatable, Sendable {
    package enum Kind: String, CaseIterable, Equatable, Sendable {
        /// A client's connect was answered.
        case connected
        /// It has gone; `code` and `reason` say why.
        case disconnected
        case subscribed
        /// Also at the end of a connection, once for every channel.
        case unsubscribed
        /// A channel has its first subscriber of all nodes.
        case occupied
        /// Its last one has left.
        case vacated
        /// A connection at a raw path stands.
        ///
        /// It is not sent to an origin (which was asked before), but remembered until `rawClosed`.
        case rawEstablished = "raw_established"
        /// It has gone: after the origin has had all its other events.
        case rawClosed = "raw_closed"
    }

    package var kind: Kind
    /// The client's id, or that of a raw connection; "" for events of channels.
    package var client: ClientName = ""
    package var user: UserID = ""
    /// "" for events of connections.
    package var channel: ChannelName = ""
    /// As in `HookRequest`.
    package var transport = ""
    /// The name of the raw origin, for the events of its connections.
    package var origin: OriginName = ""
    /// Milliseconds since 1970.
    package var atMs: Int64
    package var code: UInt32 = 0
    package var reason = ""
    package var meta: [UInt8] = []

    package init(_ kind: Kind, atMs: Int64) {
        self.kind = kind
        self.atMs = atMs
    }
}

/// Keeps events until they are sent, and clients until they have gone.
///
/// A recorded event survives a crash from its next commit on, so a disconnect that the crash kept from being recorded
/// can be sent after the restart.
package protocol EventLog: Sendable {
    /// The kinds that are wanted; other events need not be recorded.
    var kinds: Set<OriginEvent.Kind> { get }
    /// Never blocks. Events that one thread records keep their order.
    func record(_ event: OriginEvent)
    /// Whether events can be taken; false: it is full, or its disk fails.
    ///
    /// Then new clients are refused, so that nothing is lost.
    var isAccepting: Bool { get }
}

extension EventLog {
    /// Whether it must be known which channels have subscribers.
    package var notesOccupancy: Bool { kinds.contains(.occupied) || kinds.contains(.vacated) }
}

/// An event with its number in the order of all.
///
/// Numbers grow, also across restarts, and may have gaps.
package struct NumberedEvent: Equatable, Sendable {
    package var sequence: UInt64
    package var event: OriginEvent

    package init(sequence: UInt64, event: OriginEvent) {
        self.sequence = sequence
        self.event = event
    }
}

/// Brings events to the application.
///
/// It sends one batch at a time to each origin, so that their order is kept.
package protocol EventSender: Sendable {
    /// Whether the application has acknowledged the whole batch.
    ///
    /// What it has not is sent again, as a batch that begins alike.
    func send(_ events: [NumberedEvent], to origin: OriginName) async -> Bool
    /// Reports who is connected, in batches; not repeated if it fails.
    ///
    /// - Parameter sequence: of the newest event that the report knows of.
    func sendKeepAlive(_ clients: [ClientName], sequence: UInt64, to origin: OriginName) async -> Bool
}

/// The clients and their channels, as of one number.
///
/// An application that has lost its own picture starts from it.
package struct PresenceSnapshot: Equatable, Sendable {
    package struct Client: Equatable, Sendable {
        package var client: ClientName
        package var user: UserID
        package var transport: String
        package var channels: [ChannelName]
        /// Milliseconds since 1970.
        package var connectedAtMs: Int64

        package init(client: ClientName, user: UserID, transport: String, channels: [ChannelName], connectedAtMs: Int64)
        {
            self.client = client
            self.user = user
            self.transport = transport
            self.channels = channels
            self.connectedAtMs = connectedAtMs
        }
    }

    /// Events up to this number are contained, later ones are not.
    package var sequence: UInt64
    package var clients: [Client]
    /// For the next page; "": this was the last.
    package var nextCursor: String

    package init(sequence: UInt64, clients: [Client], nextCursor: String) {
        self.sequence = sequence
        self.clients = clients
        self.nextCursor = nextCursor
    }
}
