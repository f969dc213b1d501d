/// Something that has happened, for the application to know: told at least once, and in order for each connection.
package struct OriginEvent: Equatable, Sendable {
    package enum Kind: String, CaseIterable, Equatable, Sendable {
        /// A client's connect was answered.
        case connected
        /// It has gone; `code` and `reason` say why.
        case disconnected
        case subscribed
        /// Also at the end of a connection, once for every channel.
        case unsubscribed
        /// A channel has its first subscriber of this node.
        case occupied
        /// Its last one has left.
        case vacated
        /// A connection at a raw path stands. Told to nobody (the origin was asked), but remembered until `rawClosed`.
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

/// Keeps what is to be told until it was told, and who is connected until they have gone.
///
/// What is recorded survives a crash from its next commit on, so a disconnect that nobody lived to record can be told after
/// the restart.
package protocol EventLog: Sendable {
    /// What is wanted; other events need not be recorded.
    var kinds: Set<OriginEvent.Kind> { get }
    /// Never blocks. Events that one thread records keep their order.
    func record(_ event: OriginEvent)
    /// false: it is full, or its disk fails. Then nobody new is let in, so that nothing is lost.
    var isAccepting: Bool { get }
}

/// An event with its place in the order of all; numbers grow, also across restarts, and may have gaps.
package struct NumberedEvent: Equatable, Sendable {
    package var sequence: UInt64
    package var event: OriginEvent

    package init(sequence: UInt64, event: OriginEvent) {
        self.sequence = sequence
        self.event = event
    }
}

/// Brings events to the application; one batch at a time for each origin, so that their order is kept.
package protocol EventSender: Sendable {
    /// Whether the application has acknowledged the whole batch. What it has not is sent again, as a batch that begins alike.
    func send(_ events: [NumberedEvent], to origin: OriginName) async -> Bool
    /// Reports who is connected, in batches; not repeated if it fails.
    ///
    /// - Parameter sequence: of the newest event that the report knows of.
    func sendKeepAlive(_ clients: [ClientName], sequence: UInt64, to origin: OriginName) async -> Bool
}

/// Who is connected and where they are, as of one number: what an application starts from that has lost its own picture.
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
