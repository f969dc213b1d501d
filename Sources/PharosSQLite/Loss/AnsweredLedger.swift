import GRDB
import GRDBSQLite
import Glibc

/// Keeps the record of confirmed commits, for one thread.
///
/// It follows the commits of a connection and its log.
///
/// It also moves the log into the database file when it has grown: the record must tell a log that is not needed any more
/// from one that is gone.
final class AnsweredLedger {
    private let file: AnsweredFile
    private let connection: OpaquePointer
    private let logPath: String
    private var log: WriteAheadLog?
    /// Set by SQLite at each commit: how many frames the log holds.
    ///
    /// 0: nothing was committed since it was looked at.
    private let committedFrames: UnsafeMutablePointer<Int32>
    private var record = AnsweredRecord(state: .adopting)
    /// The mark in the database as SQLite shows it.
    private var mark = DatabaseMark()
    private var writeMark: PreparedStatement?
    /// Whether the next commit is the first of a new generation of the log.
    private var beginsGeneration = false

    /// How many pages of 4 KiB the log may hold before they are moved to the database.
    private static let logLimit: UInt32 = 4_000

    init(_ database: Database, _ file: AnsweredFile) throws {
        guard let connection = database.sqliteConnection else { throw DatabaseError(resultCode: .SQLITE_MISUSE) }
        self.connection = connection
        self.file = file
        logPath = String(cString: sqlite3_db_filename(connection, nil)) + "-wal"
        committedFrames = .allocate(capacity: 1)
        committedFrames.initialize(to: 0)
        sqlite3_wal_hook(
            connection,
            { context, _, _, frames in
                context?.assumingMemoryBound(to: Int32.self).pointee = frames
                return SQLITE_OK
            }, committedFrames)
    }

    deinit { committedFrames.deallocate() }

    // MARK: Opening

    /// The database is being made, or was made by a version that kept no record.
    func adopt() throws(StoreError) {
        record = AnsweredRecord(state: .adopting)
        let reason = file.write(record, synced: true)
        guard reason == 0 else { throw StoreDirectory.refusal("write", file.path, reason) }
    }

    /// Brings the mark forward, within the transaction that opens the store.
    ///
    /// - Parameter isContinued: whether what lies in the files follows the record.
    func open(_ database: Database, isContinued: Bool) throws {
        let select = try PreparedStatement(database, "SELECT mark FROM marks WHERE id = 0")
        let stored = try select.next() ? DatabaseMark(in: select.bytes(0)) : nil
        select.reset()
        let last = file.record
        if isContinued, let last, last.state != .adopting, let stored {
            record = last
            mark = stored
            if mark == last.mark { mark = mark.next }
        } else {
            record = AnsweredRecord(state: .adopting)
            mark = .fresh()
        }
        record.markPage =
            try UInt32.fetchOne(database, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'marks'") ?? 0
        writeMark = try PreparedStatement(database, "INSERT OR REPLACE INTO marks VALUES (0, ?)")
        try write(mark)
    }

    /// The transaction that opens the store was committed.
    func opened() {
        committed()
    }

    // MARK: Committing

    /// Prepares the next commit, within its transaction.
    func prepare() throws(StoreFailure) {
        if beginsGeneration { try write(record.mark.next) }
    }

    private func write(_ mark: DatabaseMark) throws(StoreFailure) {
        guard let writeMark else { return }
        let result = mark.bytes.withUnsafeBytes { bytes in
            writeMark.bind(1, staying: bytes)
            return writeMark.stepAndReset()
        }
        guard result == PreparedStatement.done else { throw StoreFailure(resultCode: result) }
    }

    /// A commit is on the disk. It is confirmed only after this returns.
    func committed() {
        let frames = UInt32(committedFrames.pointee)
        guard frames > 0 else { return }
        committedFrames.pointee = 0
        if beginsGeneration {
            beginsGeneration = false
            mark = record.mark.next
        }
        // There is nothing to compare with before a mark is in the database file.
        guard record.state != .adopting else { return moveLog() }
        if log == nil { log = WriteAheadLog(path: logPath) }
        // Without its end the log is not protected, but nothing else is lost.
        guard let end = log?.end(ofFrame: frames) else { return }
        if record.state == .moved { record.state = .logged }
        record.end = end
        file.write(record)
        if frames >= AnsweredLedger.logLimit { moveLog() }
    }

    // MARK: Moving the log

    /// Moves the log into the database file.
    ///
    /// What cannot be moved now stays in the log, and is tried again at the next commit.
    func moveLog() {
        if record.state == .logged {
            record.state = .moving
            file.write(record)
        }
        var (frames, moved) = (0 as Int32, 0 as Int32)
        let result = sqlite3_wal_checkpoint_v2(connection, nil, SQLITE_CHECKPOINT_PASSIVE, &frames, &moved)
        guard result == SQLITE_OK, frames == moved else { return }
        hasMoved()
    }

    private func hasMoved() {
        record.state = .moved
        record.mark = mark
        beginsGeneration = true
        // On the disk before the log begins anew: an older record would look for commits in it that are there no more.
        file.write(record, synced: true)
    }

    /// Before the connection closes, which removes a log that has been moved.
    func close() {
        writeMark = nil
        if record.state != .moved { moveLog() }
    }

    /// SQLite may have moved at the end what could not be moved before.
    func closed(log: String) {
        guard record.state == .logged || record.state == .moving, access(log, F_OK) != 0 else { return }
        hasMoved()
    }
}
