import GRDB

/// The connection: opened, brought to this version's schema, and asked in transactions. For one thread.
final class StoreDatabase {
    let path: String
    /// Keeps other servers out for as long as the connection lives.
    private let directory: StoreDirectory
    /// The schema's version before it was opened; 0: there was none.
    let openedVersion: Int
    private let queue: DatabaseQueue
    private var begin: PreparedStatement?
    private var commit: PreparedStatement?
    private var rollback: PreparedStatement?

    init(_ directory: consuming StoreDirectory, _ schema: StoreSchema = .streams) throws(StoreError) {
        let path = directory.databasePath
        self.path = path
        self.directory = directory
        do {
            var configuration = Configuration()
            configuration.foreignKeysEnabled = false
            configuration.label = "pharos-store"
            configuration.prepareDatabase { database in
                _ = try schema.check(database, path: path)
                try StoreDatabase.setUp(database)
            }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            openedVersion = try queue.writeWithoutTransaction { database in
                let version = try schema.check(database, path: path)
                try schema.migrate(database, from: version)
                // SQLite opens a file that is write-protected without a word: find out now.
                try database.execute(sql: "INSERT OR REPLACE INTO probes VALUES (0, x'')")
                return version
            }
            self.queue = queue
            (begin, commit, rollback) = try queue.writeWithoutTransaction { database in
                (
                    try PreparedStatement(database, "BEGIN DEFERRED"), try PreparedStatement(database, "COMMIT"),
                    try PreparedStatement(database, "ROLLBACK")
                )
            }
        } catch {
            throw StoreDatabase.refusal(path, error)
        }
    }

    /// Every commit is on the disk before it returns. The lock file keeps other servers out, and the exclusive mode other
    /// programs, which could otherwise change what we remember of the streams.
    private static func setUp(_ database: Database) throws {
        try database.execute(
            sql: """
                PRAGMA locking_mode = EXCLUSIVE;
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = FULL;
                PRAGMA wal_autocheckpoint = \(walPages);
                PRAGMA journal_size_limit = 67108864;
                PRAGMA cache_size = -65536;
                PRAGMA temp_store = MEMORY;
                PRAGMA cell_size_check = ON;
                """)
        guard try String.fetchOne(database, sql: "PRAGMA journal_mode") == "wal" else {
            throw DatabaseError(resultCode: .SQLITE_CANTOPEN)
        }
    }

    /// How many pages of 4 KiB the log may hold before they are moved to the database.
    private static let walPages = 4_000

    static func refusal(_ path: String, _ error: any Error) -> StoreError {
        if let error = error as? StoreError { return error }
        let resultCode = (error as? DatabaseError)?.extendedResultCode.rawValue
        let failure = error as? StoreFailure ?? StoreFailure(resultCode: resultCode ?? StoreFailure.unknown)
        if failure.cause == .busy {
            return StoreError(
                code: .inUse, message: "\(path) is in use by another program: close that one, then start again")
        }
        let code: StoreError.Code =
            switch failure.cause {
            case .damaged: .damaged
            case .readOnly: .notAllowed
            case .full, .inputOutput, .busy, .other: .unusable
            }
        return StoreError(code: code, message: failure.text(at: path))
    }

    /// For what lives as long as the connection: statements, above all.
    func prepare<Prepared>(_ body: (Database) throws -> Prepared) throws -> Prepared {
        try queue.writeWithoutTransaction(body)
    }

    /// Runs `body` in a transaction, and keeps what it has written if it says so and the disk has it.
    ///
    /// Nothing is left of a transaction that throws. One that has only read waits for no disk.
    func transaction<Value>(
        _ body: () throws(StoreFailure) -> (value: Value, commits: Bool)
    ) throws(StoreFailure) -> Value {
        let outcome: Result<Value, StoreFailure> = queue.writeWithoutTransaction { database in
            do throws(StoreFailure) {
                try begin?.run()
                let (value, commits) = try body()
                try (commits ? commit : rollback)?.run()
                return .success(value)
            } catch {
                // Some failures roll back by themselves; GRDB requires that none is left open in any case.
                if database.isInsideTransaction {
                    do {
                        try rollback?.run()
                    } catch {
                        // SQLite documents that a failed ROLLBACK has still ended the transaction.
                        precondition(!database.isInsideTransaction, "a transaction that will not end")
                    }
                }
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    /// At most this many pages of 4 KiB; what does not fit is refused as on a full disk.
    func limitFile(toPages pages: Int) {
        _ = queue.writeWithoutTransaction { try? Int.fetchOne($0, sql: "PRAGMA max_page_count = \(pages)") }
    }

    func count(_ table: String) -> Int {
        queue.writeWithoutTransaction { (try? Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)")) ?? 0 }
    }

    /// Moves the log into the database, so that the next start finds nothing to do, and closes both.
    ///
    /// All other statements must be gone.
    func close() {
        (begin, commit, rollback) = (nil, nil, nil)
        // A log that stays is not lost: the next start reads it.
        _ = queue.writeWithoutTransaction { try? $0.checkpoint(.truncate) }
        try? queue.close()
    }
}
