import GRDB

/// The tables of one database, and the way from older versions to this one.
///
/// `PRAGMA user_version` is the version.
struct StoreSchema: Sendable {
    /// Tells our files from other programs' databases, and ours from one another.
    let applicationID: Int32
    /// The one at index n makes version n + 1 out of version n.
    ///
    /// Released ones never change.
    let migrations: [String]
    /// The first version whose databases carry a mark, see `DatabaseMark`.
    let markedSince: Int
    /// Changes the database when confirmed data may be missing.
    ///
    /// It runs in the transaction that finds it out.
    let afterLoss: @Sendable (Database) throws -> Void

    /// Makes the table of the mark.
    static let makesMarks = "CREATE TABLE marks (id INTEGER PRIMARY KEY, mark BLOB NOT NULL);"

    var version: Int { migrations.count }

    /// Refuses what is not ours or not for us, before anything is written.
    func check(_ database: Database, path: String) throws -> Int {
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

    /// Brings a database of an older version to this one.
    ///
    /// Each step is a transaction of its own, so that a step cut short leaves the version before it.
    func migrate(_ database: Database, from version: Int) throws {
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
