import CPharosSys
import GRDBSQLite

/// The same rows in the same batches, by SQLite's C interface alone.
///
/// This is the rate to compare the store with.
///
/// One thread, statements prepared once, one insert per append, one update of the stream's row per stream and batch.
final class PlainCommits {
    private var database: OpaquePointer?
    private let insert: OpaquePointer
    private let update: OpaquePointer
    private let begin: OpaquePointer
    private let commit: OpaquePointer
    private var tops: [Int64]

    /// Opens the database at `path`.
    ///
    /// - Parameter path: a database that the store has made and closed, with one row per channel, whose ids count from 1.
    init(path: String, channels: Int) {
        check(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil))
        for pragma in [
            "locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 4000",
            "journal_size_limit = 67108864", "cache_size = -65536", "temp_store = MEMORY", "cell_size_check = ON",
        ] {
            check(sqlite3_exec(database, "PRAGMA \(pragma)", nil, nil, nil))
        }
        func prepare(_ database: OpaquePointer?, _ sql: String) -> OpaquePointer {
            var statement: OpaquePointer?
            check(sqlite3_prepare_v3(database, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil))
            return statement!
        }
        insert = prepare(
            database,
            "INSERT INTO publications (row, ends_ms, time_ms, is_json, data, extra, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        update = prepare(
            database,
            """
            UPDATE streams SET top = ?2, first = ?3, swept = ?4, ends_ms = ?5, meta_ms = ?6, version = ?7,
            version_epoch = ?8, checksum = ?9 WHERE id = ?1
            """)
        begin = prepare(database, "BEGIN DEFERRED")
        commit = prepare(database, "COMMIT")
        // The row that the store began each stream with.
        tops = Array(repeating: 1, count: channels)
    }

    /// Nanoseconds for all of it.
    func run(batches: [Int], data: [UInt8], endsMs: Int64) -> Int64 {
        let start = pharos_monotonic_ns()
        var next = 0
        var touched: [Int] = []
        for size in batches {
            step(begin)
            touched.removeAll(keepingCapacity: true)
            for _ in 0..<size {
                let channel = next % tops.count
                next += 1
                if touched.count < tops.count { touched.append(channel) }
                tops[channel] += 1
                add(data, channel, endsMs)
            }
            for channel in touched { updateStream(channel, endsMs) }
            step(commit)
        }
        return pharos_monotonic_ns() - start
    }

    private func add(_ data: [UInt8], _ channel: Int, _ endsMs: Int64) {
        sqlite3_bind_int64(insert, 1, Int64(channel + 1) << 27 | tops[channel])
        sqlite3_bind_int64(insert, 2, endsMs)
        sqlite3_bind_int64(insert, 3, endsMs)
        sqlite3_bind_int64(insert, 4, 1)
        data.withUnsafeBytes { bytes in
            sqlite3_bind_blob64(insert, 5, bytes.baseAddress, UInt64(bytes.count), nil)
            sqlite3_bind_null(insert, 6)
            sqlite3_bind_int64(insert, 7, 0x1234_5678_9abc_def0)
            step(insert)
        }
    }

    private func updateStream(_ channel: Int, _ endsMs: Int64) {
        sqlite3_bind_int64(update, 1, Int64(channel + 1))
        sqlite3_bind_int64(update, 2, tops[channel])
        sqlite3_bind_int64(update, 3, 1)
        sqlite3_bind_int64(update, 4, 1)
        sqlite3_bind_int64(update, 5, endsMs)
        sqlite3_bind_int64(update, 6, endsMs)
        sqlite3_bind_int64(update, 7, 0)
        sqlite3_bind_text(update, 8, "", 0, nil)
        sqlite3_bind_int64(update, 9, 0x1234_5678_9abc_def0)
        step(update)
    }

    private func step(_ statement: OpaquePointer) {
        let result = sqlite3_step(statement)
        guard result == SQLITE_DONE else { fail("SQLite says \(result)") }
        sqlite3_reset(statement)
    }

    func close() {
        for statement in [insert, update, begin, commit] { sqlite3_finalize(statement) }
        check(sqlite3_close(database))
    }
}

private func check(_ result: Int32) {
    guard result == SQLITE_OK else { fail("SQLite says \(result)") }
}
