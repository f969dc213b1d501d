import GRDB

/// The tables, and how a database of an older version becomes one of this version. `PRAGMA user_version` is the version.
///
/// - `streams`: one row per stream. Offsets `first...top` are readable; rows may still lie there from `swept` on. `ends_ms`
///   is when the newest publication expires, `meta_ms` when epoch and top may be forgotten, `visit_ms` when retention should
///   look at the stream next.
/// - `publications`: their key holds stream and offset, see `RowKey`; so the rows of a stream lie next to one another.
/// - `repeats`: what idempotency keys were answered with.
/// - `leftovers`: ids that no stream has any more, but rows perhaps.
/// - `probes`: written to find out whether writing works.
enum StoreSchema {
    /// "Phrs": tells our files from other programs' databases.
    static let applicationID: Int32 = 0x5068_7273

    static var version: Int { migrations.count }

    /// The one at index n makes version n + 1 out of version n. Released ones never change.
    static let migrations = [
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
        """
    ]

    /// Refuses what is not ours or not for us, before anything is written.
    static func check(_ database: Database, path: String) throws -> Int {
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        let application = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let isEmpty = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0
        guard application == applicationID || (isEmpty && version == 0) else {
            throw StoreError(
                code: .foreign,
                message: "\(path) is the database of another program: choose another directory for the store")
        }
        guard version <= self.version else {
            throw StoreError(
                code: .newerVersion,
                message:
                    "\(path) was written by a newer version of Pharos (its schema is \(version), this version's is "
                    + "\(self.version)): start that version, or choose another directory")
        }
        return version
    }

    /// Each step is a transaction of its own, so that a step cut short leaves the version before it.
    static func migrate(_ database: Database, from version: Int) throws {
        for step in version..<migrations.count {
            try database.inTransaction(.immediate) {
                try database.execute(sql: migrations[step])
                try database.execute(sql: "PRAGMA application_id = \(applicationID)")
                try database.execute(sql: "PRAGMA user_version = \(step + 1)")
                return .commit
            }
        }
    }
}
