import GRDB

extension StoreSchema {
    /// The event log's tables.
    ///
    /// - `events`: events for the origin `target`. `size` is what it counts for the log's limit.
    /// - `clients`: who is connected; `origin` is that of a raw connection, "" for a client of our protocol.
    /// - `subscriptions`: which channels each of them is in.
    /// - `channels`: those that are occupied.
    /// - `probes`: written to find out whether writing works.
    ///
    /// - `marks`: see `DatabaseMark`.
    ///
    /// Numbers are never given twice, not even after all events were sent and deleted: SQLite's AUTOINCREMENT remembers.
    /// Where the newest events may be lost, counting goes on far beyond them.
    static let events = StoreSchema(
        // "PhrE"
        applicationID: 0x5068_7245,
        migrations: [
            """
            CREATE TABLE events (
                sequence INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, kind TEXT NOT NULL,
                client TEXT NOT NULL, user TEXT NOT NULL, channel TEXT NOT NULL, transport TEXT NOT NULL,
                origin TEXT NOT NULL, at_ms INTEGER NOT NULL, code INTEGER NOT NULL, reason TEXT NOT NULL,
                meta BLOB NOT NULL, size INTEGER NOT NULL
            );
            CREATE INDEX events_by_target ON events (target);
            CREATE TABLE clients (
                client TEXT PRIMARY KEY, user TEXT NOT NULL, transport TEXT NOT NULL, origin TEXT NOT NULL,
                connected_ms INTEGER NOT NULL, meta BLOB NOT NULL
            ) WITHOUT ROWID;
            CREATE TABLE subscriptions (
                client TEXT NOT NULL, channel TEXT NOT NULL, PRIMARY KEY (client, channel)
            ) WITHOUT ROWID;
            CREATE TABLE channels (channel TEXT PRIMARY KEY) WITHOUT ROWID;
            CREATE TABLE probes (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
            """,
            makesMarks,
        ],
        markedSince: 2,
        afterLoss: { database in
            try database.execute(
                sql: """
                    UPDATE sqlite_sequence SET seq = seq + 1000000000 WHERE name = 'events';
                    INSERT INTO sqlite_sequence (name, seq) SELECT 'events', 1000000000
                        WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'events')
                    """)
        })
}
