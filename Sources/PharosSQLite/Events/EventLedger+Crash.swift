import GRDB
import PharosDomain

extension EventLedger {
    /// Records the end of the clients that were connected at a crash.
    ///
    /// Their events are made here, in the order in which they would have come; afterwards no client is connected.
    ///
    /// In one transaction, so that a start that is cut short leaves everything to the next one.
    ///
    /// - Returns: how many connections that were.
    static func tellOfTheDead(_ database: StoreDatabase, _ rules: EventRules, nowMs: Int64) throws -> Int {
        try database.prepare { database in
            var count = 0
            try database.inTransaction(.immediate) {
                count = try Int.fetchOne(database, sql: "SELECT count(*) FROM clients") ?? 0
                if rules.tells(.unsubscribed) {
                    try tell(
                        database, rules.eventsTo, .unsubscribed, channel: "channel",
                        from: "subscriptions JOIN clients USING (client) ORDER BY client, channel", nowMs)
                }
                if rules.tells(.disconnected) {
                    try tell(
                        database, rules.eventsTo, .disconnected, from: "clients WHERE origin = '' ORDER BY client",
                        nowMs)
                }
                try tell(database, nil, .rawClosed, from: "clients WHERE origin <> '' ORDER BY client", nowMs)
                if rules.tells(.vacated), rules.remembersChannels { try tellVacated(database, rules.eventsTo, nowMs) }
                try database.execute(sql: "DELETE FROM clients; DELETE FROM subscriptions; DELETE FROM channels")
                return .commit
            }
            return count
        }
    }

    private static let columns =
        "target, kind, client, user, channel, transport, origin, at_ms, code, reason, meta, size"

    /// - Parameter target: nil: the raw connection's own origin.
    private static func tell(
        _ database: Database, _ target: OriginName?, _ kind: OriginEvent.Kind, channel: ChannelName = "''",
        from source: String,
        _ nowMs: Int64
    ) throws {
        let texts = "client || user || \(channel) || transport || origin"
        let died = Disconnect.serverDied
        try database.execute(
            sql: """
                INSERT INTO events (\(columns))
                SELECT coalesce(?, origin), ?, client, user, \(channel), transport, origin, ?, ?, ?, meta,
                    \(OriginEvent(kind, atMs: 0).size + died.reason.utf8.count)
                    + length(CAST(\(texts) AS BLOB)) + length(meta)
                FROM \(source)
                """, arguments: [target?.text, kind.rawValue, nowMs, Int64(died.code), died.reason])
    }

    private static func tellVacated(_ database: Database, _ target: OriginName, _ nowMs: Int64) throws {
        try database.execute(
            sql: """
                INSERT INTO events (\(columns))
                SELECT ?, ?, '', '', channel, '', '', ?, 0, '', x'',
                    \(OriginEvent(.vacated, atMs: 0).size) + length(CAST(channel AS BLOB))
                FROM channels ORDER BY channel
                """, arguments: [target.text, OriginEvent.Kind.vacated.rawValue, nowMs])
    }
}
