import GRDB
import PharosDomain

/// The tables of the event log, and what is remembered of them.
///
/// Used on the log's thread, within transactions.
final class EventLedger {
    /// The figures that a failed transaction must restore.
    private struct Figures {
        /// Of the newest event.
        var sequence: UInt64 = 0
        var count = 0
        var bytes = 0
        /// By target: the number of its newest event.
        var newest: [OriginName: UInt64] = [:]
    }

    let rules: EventRules
    private let statements: EventStatements
    private var figures = Figures()
    private var before = Figures()

    init(_ database: StoreDatabase, _ rules: EventRules) throws {
        self.rules = rules
        statements = try database.prepare { try EventStatements($0) }
        figures = try database.prepare { database in
            var figures = Figures()
            figures.sequence = UInt64(
                try Int64.fetchOne(database, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'events'") ?? 0)
            // Once per start: as long as reading what waits, which has a limit.
            if let row = try Row.fetchOne(database, sql: "SELECT count(*), coalesce(sum(size), 0) FROM events") {
                figures.count = row[0]
                figures.bytes = row[1]
            }
            for row in try Row.fetchAll(database, sql: "SELECT target, max(sequence) FROM events GROUP BY target") {
                figures.newest[OriginName(row[0] as String)] = UInt64(row[1] as Int64)
            }
            return figures
        }
    }

    var sequence: UInt64 { figures.sequence }
    var count: Int { figures.count }
    var bytes: Int { figures.bytes }
    var targets: [OriginName] { figures.newest.keys.sorted() }

    /// Whether something was recorded for `target` that comes after `sequence`.
    func hasEvents(for target: OriginName, after sequence: UInt64) -> Bool {
        figures.newest[target, default: 0] > sequence
    }

    func begin() { before = figures }

    /// The transaction failed.
    func abandon() { figures = before }

    /// Updates the connected clients, and keeps the event if it has an origin.
    func record(_ event: OriginEvent) throws(StoreFailure) {
        try remember(event)
        guard let target = rules.target(of: event) else { return }
        let insert = statements.insertEvent
        let sequence = figures.sequence + 1
        insert.bind(1, sequence)
        insert.bind(2, target)
        insert.bind(3, event.kind.rawValue)
        insert.bind(4, event.client)
        insert.bind(5, event.user)
        insert.bind(6, event.channel)
        insert.bind(7, event.transport)
        insert.bind(8, event.origin)
        insert.bind(9, event.atMs)
        insert.bind(10, Int64(event.code))
        insert.bind(11, event.reason)
        insert.bind(13, Int64(event.size))
        try run(insert, meta: event.meta, at: 12)
        figures.sequence = sequence
        figures.count += 1
        figures.bytes += event.size
        figures.newest[target] = sequence
    }

    private func remember(_ event: OriginEvent) throws(StoreFailure) {
        switch event.kind {
        case .connected, .rawEstablished:
            let insert = statements.insertClient
            insert.bind(1, event.client)
            insert.bind(2, event.user)
            insert.bind(3, event.transport)
            insert.bind(4, event.origin)
            insert.bind(5, event.atMs)
            try run(insert, meta: event.meta, at: 6)
        case .disconnected, .rawClosed:
            statements.deleteClient.bind(1, event.client)
            try statements.deleteClient.run()
            guard rules.kinds.contains(.unsubscribed), !event.kind.isOfRawConnection else { return }
            statements.deleteSubscriptions.bind(1, event.client)
            try statements.deleteSubscriptions.run()
        case .subscribed: try run(statements.insertSubscription, event.client, event.channel)
        case .unsubscribed: try run(statements.deleteSubscription, event.client, event.channel)
        case .occupied:
            if rules.remembersChannels { try run(statements.insertChannel, event.channel) }
        case .vacated: try run(statements.deleteChannel, event.channel)
        }
    }

    /// Deletes what `target` has acknowledged.
    func forget(_ target: OriginName, upTo acknowledged: UInt64) throws(StoreFailure) {
        let delete = statements.deleteEvents
        defer { delete.reset() }
        delete.bind(1, target)
        delete.bind(2, acknowledged)
        while try delete.next() {
            figures.count -= 1
            figures.bytes -= Int(delete.int64(0))
        }
    }

    /// The oldest events for `target` after `sequence`, at least one if there is one.
    func events(for target: OriginName, after sequence: UInt64, _ limits: EventBatchLimits) throws(StoreFailure)
        -> [NumberedEvent]
    {
        let select = statements.selectEvents
        defer { select.reset() }
        select.bind(1, target)
        select.bind(2, sequence)
        select.bind(3, Int64(limits.count))
        var events: [NumberedEvent] = []
        var bytes = 0
        while try select.next() {
            guard let kind = OriginEvent.Kind(rawValue: select.text(1)) else { throw .damaged }
            var event = OriginEvent(kind, atMs: select.int64(7))
            event.client = select.text(2)
            event.user = select.text(3)
            event.channel = select.text(4)
            event.transport = select.text(5)
            event.origin = select.text(6)
            event.code = UInt32(truncatingIfNeeded: select.int64(8))
            event.reason = select.text(9)
            event.meta = Array(select.bytes(10))
            bytes += event.size
            if bytes > limits.bytes, !events.isEmpty { break }
            events.append(NumberedEvent(sequence: select.uint64(0), event: event))
        }
        return events
    }

    /// Writes something large enough to need room.
    ///
    /// The next probe takes it away again.
    func probe() throws(StoreFailure) { try statements.probe.run() }

    private func run<each Kind>(
        _ statement: PreparedStatement, _ names: repeat Identifier<each Kind>
    ) throws(StoreFailure) {
        var index: Int32 = 0
        for name in repeat each names {
            index += 1
            statement.bind(index, name)
        }
        try statement.run()
    }

    private func run(_ statement: PreparedStatement, meta: [UInt8], at index: Int32) throws(StoreFailure) {
        let result = meta.withUnsafeBytes { bytes in
            statement.bind(index, staying: bytes)
            return statement.stepAndReset()
        }
        guard result == PreparedStatement.done else { throw StoreFailure(resultCode: result) }
    }
}

// MARK: Who is connected

extension EventLedger {
    /// Clients whose events go to `target`, by id.
    func roll(of target: OriginName, cursor: String, limit: Int) throws(StoreFailure) -> EventRoll {
        let select = statements.selectRoll
        defer { select.reset() }
        select.bind(1, target)
        select.bind(2, Int64(target == rules.eventsTo ? 1 : 0))
        select.bind(3, cursor)
        select.bind(4, Int64(limit) + 1)
        var clients: [ClientName] = []
        while try select.next() { clients.append(select.text(0)) }
        let isLast = clients.count <= limit
        if !isLast { clients.removeLast() }
        return EventRoll(sequence: sequence, clients: clients, nextCursor: isLast ? "" : clients.last?.text ?? "")
    }

    /// A page by client id.
    func snapshot(cursor: String, limit: Int) throws(StoreFailure) -> PresenceSnapshot {
        let select = statements.selectClients
        defer { select.reset() }
        select.bind(1, cursor)
        select.bind(2, Int64(limit) + 1)
        var clients: [PresenceSnapshot.Client] = []
        while try select.next() {
            clients.append(
                PresenceSnapshot.Client(
                    client: select.text(0), user: select.text(1), transport: select.text(2), channels: [],
                    connectedAtMs: select.int64(3)))
        }
        let isLast = clients.count <= limit
        if !isLast { clients.removeLast() }
        for index in clients.indices { clients[index].channels = try channels(of: clients[index].client) }
        return PresenceSnapshot(
            sequence: sequence, clients: clients, nextCursor: isLast ? "" : clients.last?.client.text ?? "")
    }

    private func channels(of client: ClientName) throws(StoreFailure) -> [ChannelName] {
        let select = statements.selectChannels
        defer { select.reset() }
        select.bind(1, client)
        var channels: [ChannelName] = []
        while try select.next() { channels.append(select.text(0)) }
        return channels
    }
}
