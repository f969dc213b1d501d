import GRDB
import GRDBSQLite

/// The connection to a database, for one thread.
///
/// It is opened, brought to this version's schema, and asked in transactions.
final class StoreDatabase {
    let path: String
    /// Keeps other servers out for as long as the connection lives.
    private let directory: StoreDirectory
    /// The schema's version before it was opened; 0: there was none.
    let openedVersion: Int
    /// Why what was answered for may be missing; nil: nothing is.
    let loss: String?
    /// The log was damaged, and not needed.
    let hasRemovedLog: Bool
    private let queue: DatabaseQueue
    private let answered: AnsweredLedger
    private var begin: PreparedStatement?
    private var commit: PreparedStatement?
    private var rollback: PreparedStatement?

    init(_ directory: consuming StoreDirectory, _ schema: StoreSchema = .streams) throws(StoreError) {
        let path = directory.databasePath
        let file = try AnsweredFile(path: "\(path)-answered")
        let inspection = StoreInspection.inspect(file.record, database: path)
        self.path = path
        self.directory = directory
        hasRemovedLog = inspection == .needlessLogRemoved
        do {
            var configuration = Configuration()
            configuration.foreignKeysEnabled = false
            configuration.label = "pharos-store"
            configuration.prepareDatabase { database in
                _ = try schema.check(database, path: path)
                try StoreDatabase.setUp(database)
            }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            let (version, loss, answered) = try queue.writeWithoutTransaction { database in
                let version = try schema.check(database, path: path)
                let loss = StoreDatabase.loss(inspection, version, schema, path: path)
                if loss != nil, version > 0 { try StoreDatabase.requireIntegrity(of: database, path: path) }
                let answered = try AnsweredLedger(database, file)
                if version < schema.markedSince { try answered.adopt() }
                try schema.migrate(database, from: version)
                try database.inTransaction(.immediate) {
                    // SQLite opens a file that is write-protected without a word: find out now.
                    try database.execute(sql: "INSERT OR REPLACE INTO probes VALUES (0, x'')")
                    if loss != nil { try schema.afterLoss(database) }
                    try answered.open(database, isContinued: loss == nil)
                    return .commit
                }
                answered.opened()
                return (version, loss, answered)
            }
            (openedVersion, self.loss, self.answered, self.queue) = (version, loss, answered, queue)
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

    /// Why something may be missing, for an operator.
    private static func loss(
        _ inspection: StoreInspection, _ version: Int, _ schema: StoreSchema, path: String
    ) -> String? {
        switch inspection {
        case .lost(let reason): "\(path): \(reason)"
        case .unknown where version >= schema.markedSince:
            "\(path)-answered, which tells what was answered for, is missing or damaged"
        case .unknown, .adopting, .whole, .needlessLogRemoved: nil
        }
    }

    /// Refuses a database that is not whole.
    ///
    /// Parts of several states of it may have been put together: then nothing in it is to be believed.
    private static func requireIntegrity(of database: Database, path: String) throws {
        guard try String.fetchOne(database, sql: "PRAGMA integrity_check(1)") != "ok" else { return }
        throw StoreError(code: .damaged, message: StoreFailure.damaged.text(at: path))
    }

    /// Every commit is on the disk before it returns.
    ///
    /// The lock file keeps other servers out, and the exclusive mode other programs, which could otherwise change what
    /// we remember of the streams.
    private static func setUp(_ database: Database) throws {
        try database.execute(
            sql: """
                PRAGMA locking_mode = EXCLUSIVE;
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = FULL;
                PRAGMA wal_autocheckpoint = 0;
                PRAGMA journal_size_limit = 67108864;
                PRAGMA cache_size = -65536;
                PRAGMA temp_store = MEMORY;
                PRAGMA cell_size_check = ON;
                """)
        guard try String.fetchOne(database, sql: "PRAGMA journal_mode") == "wal" else {
            throw DatabaseError(resultCode: .SQLITE_CANTOPEN)
        }
    }

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

    /// Runs `body` in a transaction.
    ///
    /// Its changes are kept if it says so and the disk has them.
    ///
    /// Nothing is left of a transaction that throws. One that has only read waits for no disk.
    func transaction<Value>(
        _ body: () throws(StoreFailure) -> (value: Value, commits: Bool)
    ) throws(StoreFailure) -> Value {
        let outcome: Result<Value, StoreFailure> = queue.writeWithoutTransaction { database in
            do throws(StoreFailure) {
                try begin?.run()
                let (value, commits) = try body()
                if commits {
                    try answered.prepare()
                    try commit?.run()
                    answered.committed()
                } else {
                    try rollback?.run()
                }
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

    /// Limits the file to this many pages of 4 KiB.
    ///
    /// Writes beyond it are refused as on a full disk.
    func limitFile(toPages pages: Int) {
        _ = queue.writeWithoutTransaction { try? Int.fetchOne($0, sql: "PRAGMA max_page_count = \(pages)") }
    }

    /// Moves the log into the database, as is done by itself when it has grown.
    func moveLog() { queue.writeWithoutTransaction { _ in answered.moveLog() } }

    func count(_ table: String) -> Int {
        queue.writeWithoutTransaction { (try? Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)")) ?? 0 }
    }

    /// Moves the log into the database and closes both.
    ///
    /// So the next start finds nothing to do.
    ///
    /// All other statements must be gone.
    func close() {
        (begin, commit, rollback) = (nil, nil, nil)
        queue.writeWithoutTransaction { database in
            answered.close()
            // A log that stays is not lost: the next start reads it.
            _ = try? database.checkpoint(.truncate)
        }
        try? queue.close()
        answered.closed(log: "\(path)-wal")
    }
}
