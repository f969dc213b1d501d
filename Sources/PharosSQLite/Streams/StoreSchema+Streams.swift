import GRDB

extension StoreSchema {
    /// The streams' tables.
    ///
    /// - `streams`: one row per stream. Offsets `first...top` are readable; rows may still lie there from `swept` on. `ends_ms`
    ///   is when the newest publication expires, `meta_ms` when epoch and top may be forgotten, `visit_ms` when retention
    ///   should look at the stream next.
    /// - `publications`: their key holds stream and offset, see `RowKey`; so the rows of a stream lie next to one another.
    /// - `repeats`: what idempotency keys were answered with.
    /// - `leftovers`: ids that no stream has any more, but rows perhaps.
    /// - `probes`: written to find out whether writing works.
    /// - `marks`: see `DatabaseMark`.
    /// - `seeds`: what epochs are made from, see `StoreEpochs`.
    static let streams = StoreSchema(
        // "Phrs"
        applicationID: 0x5068_7273,
        migrations: [
            """
            CREATE TABLE streams (
                id INTEGER PRIMARY KEY, channel TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL, top INTEGER NOT NULL,
                first INTEGER NOT NULL, swept INTEGER NOT NULL, ends_ms INTEGER NOT NULL, meta_ms INTEGER NOT NULL,
                version INTEGER NOT NULL, version_epoch TEXT NOT NULL, checksum INTEGER NOT NULL, visit_ms INTEGER NOT NULL
            );
            CREATE INDEX streams_by_visit ON streams (visit_ms);
            CREATE TABLE publications (
                row INTEGER PRIMARY KEY, ends_ms INTEGER NOT NULL, time_ms INTEGER NOT NULL, is_json INTEGER NOT NULL,
                data BLOB NOT NULL, extra BLOB, checksum INTEGER NOT NULL
            );
            CREATE TABLE repeats (
                channel TEXT NOT NULL, key TEXT NOT NULL, offset INTEGER NOT NULL, epoch TEXT NOT NULL,
                ends_ms INTEGER NOT NULL, PRIMARY KEY (channel, key)
            ) WITHOUT ROWID;
            CREATE INDEX repeats_by_end ON repeats (ends_ms);
            CREATE TABLE leftovers (id INTEGER PRIMARY KEY);
            CREATE TABLE probes (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
            """,
            makesMarks
                + """
                CREATE TABLE seeds (id INTEGER PRIMARY KEY, seed INTEGER NOT NULL, inverse INTEGER NOT NULL);
                INSERT INTO seeds VALUES (\(StoreEpochs.eraRow), 0, -1);
                """,
        ],
        markedSince: 2,
        afterLoss: { try StoreEpochs.beginEra($0) })
}
