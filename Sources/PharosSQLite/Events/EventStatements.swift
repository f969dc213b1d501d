import GRDB

/// The event log's statements, prepared once.
struct EventStatements {
    let insertEvent: PreparedStatement
    let deleteEvents: PreparedStatement
    let selectEvents: PreparedStatement
    let insertClient: PreparedStatement
    let deleteClient: PreparedStatement
    let insertSubscription: PreparedStatement
    let deleteSubscription: PreparedStatement
    let deleteSubscriptions: PreparedStatement
    let insertChannel: PreparedStatement
    let deleteChannel: PreparedStatement
    let selectRoll: PreparedStatement
    let selectClients: PreparedStatement
    let selectChannels: PreparedStatement
    let probe: PreparedStatement

    init(_ database: Database) throws {
        func prepared(_ sql: String) throws -> PreparedStatement { try PreparedStatement(database, sql) }
        insertEvent = try prepared("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        deleteEvents = try prepared("DELETE FROM events WHERE target = ? AND sequence <= ? RETURNING size")
        selectEvents = try prepared(
            """
            SELECT sequence, kind, client, user, channel, transport, origin, at_ms, code, reason, meta
            FROM events WHERE target = ? AND sequence > ? ORDER BY sequence LIMIT ?
            """)
        insertClient = try prepared("INSERT OR REPLACE INTO clients VALUES (?, ?, ?, ?, ?, ?)")
        deleteClient = try prepared("DELETE FROM clients WHERE client = ?")
        insertSubscription = try prepared("INSERT OR IGNORE INTO subscriptions VALUES (?, ?)")
        deleteSubscription = try prepared("DELETE FROM subscriptions WHERE client = ? AND channel = ?")
        deleteSubscriptions = try prepared("DELETE FROM subscriptions WHERE client = ?")
        insertChannel = try prepared("INSERT OR IGNORE INTO channels VALUES (?)")
        deleteChannel = try prepared("DELETE FROM channels WHERE channel = ?")
        selectRoll = try prepared(
            """
            SELECT client FROM clients WHERE (origin = ? OR (? AND origin = '')) AND client > ? ORDER BY client LIMIT ?
            """)
        selectClients = try prepared(
            "SELECT client, user, transport, connected_ms FROM clients WHERE client > ? ORDER BY client LIMIT ?")
        selectChannels = try prepared("SELECT channel FROM subscriptions WHERE client = ? ORDER BY channel")
        probe = try prepared("INSERT OR REPLACE INTO probes VALUES (1, randomblob(65536))")
    }
}
