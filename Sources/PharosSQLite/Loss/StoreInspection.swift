import Glibc

/// Whether the files of a store hold what it had answered for.
///
/// Looks before SQLite opens them.
enum StoreInspection: Equatable {
    /// There is no record to compare with.
    case unknown
    /// The making of the store was cut short: nothing was answered for.
    case adopting
    case whole
    /// The log was damaged after all of it had been moved into the database.
    ///
    /// It is removed, since SQLite would lay its undamaged part over newer pages.
    case needlessLogRemoved
    case lost(String)

    static func inspect(_ record: AnsweredRecord?, database: String) -> StoreInspection {
        guard let record else { return .unknown }
        guard record.state != .adopting else { return .adopting }
        guard access(database, F_OK) == 0 else { return .lost("the database is gone") }
        guard let mark = mark(onPage: record.markPage, of: database),
            mark == record.mark || mark == record.mark.next
        else { return .lost("the database is another one, or an older copy, than the one last used") }
        let log = database + "-wal"
        let finding = WriteAheadLog.look(at: log, upTo: record.end)
        switch (record.state, finding) {
        case (_, .whole): return .whole
        case (.moved, .damagedFrame):
            guard unlink(log) == 0 else { return .lost("the write-ahead log is damaged and cannot be removed") }
            return .needlessLogRemoved
        case (.moved, _): return .whole
        case (_, .missing): return .lost("the write-ahead log is gone")
        case (_, .damagedHeader): return .lost("the header of the write-ahead log is damaged")
        case (_, .otherGeneration): return .lost("the write-ahead log is another one than the one last used")
        case (_, .damagedFrame(let frame)):
            return .lost("the write-ahead log is damaged or cut short at frame \(frame) of \(record.end.frames)")
        }
    }

    /// Reads the page itself: SQLite would show a newer one from the log.
    ///
    /// Only while SQLite has not opened the file, since closing it would give up SQLite's locks.
    private static func mark(onPage page: UInt32, of database: String) -> DatabaseMark? {
        guard page > 0 else { return nil }
        let file = open(database, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 8) { buffer in
            let count = pread(file, buffer.baseAddress, buffer.count, off_t(page - 1) * off_t(buffer.count))
            guard count == buffer.count else { return nil }
            return DatabaseMark(in: UnsafeRawBufferPointer(buffer))
        }
    }
}
