import GRDB
import GRDBSQLite
import PharosDomain

/// A statement that is prepared once and run often.
///
/// It uses SQLite's own calls for binding and stepping.
///
/// GRDB prepares and finalizes it; values are bound without a copy, so that an append costs little more than SQLite's insert.
/// Used on the connection's queue only. Parameters count from 1, columns from 0.
struct PreparedStatement {
    private let statement: Statement
    private let handle: OpaquePointer

    init(_ database: Database, _ sql: String) throws {
        statement = try database.makeStatement(sql: sql)
        handle = statement.sqliteStatement
    }

    func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(handle, index, value) }

    func bind(_ index: Int32, _ value: UInt64) { sqlite3_bind_int64(handle, index, Int64(bitPattern: value)) }

    /// The text is copied.
    func bind(_ index: Int32, _ text: String) {
        var text = text
        text.withUTF8 { bytes in
            _ = bytes.withMemoryRebound(to: CChar.self) { characters in
                // An empty text has no address, which would mean NULL.
                sqlite3_bind_text(
                    handle, index, characters.baseAddress ?? PreparedStatement.nothing, Int32(characters.count),
                    PreparedStatement.copied)
            }
        }
    }

    func bind<Kind>(_ index: Int32, _ name: Identifier<Kind>) { bind(index, name.text) }

    /// The bytes must stay until `reset`.
    func bind(_ index: Int32, staying bytes: UnsafeRawBufferPointer) {
        if let start = bytes.baseAddress, !bytes.isEmpty {
            sqlite3_bind_blob64(handle, index, start, UInt64(bytes.count), nil)
        } else {
            sqlite3_bind_zeroblob(handle, index, 0)
        }
    }

    func bindNull(_ index: Int32) { sqlite3_bind_null(handle, index) }

    /// For a statement that gives no rows: `done` or an error.
    ///
    /// What was bound as staying may go then.
    func stepAndReset() -> Int32 {
        let result = sqlite3_step(handle)
        sqlite3_reset(handle)
        return result
    }

    static let done = SQLITE_DONE

    /// Whether there is a row.
    func next() throws(StoreFailure) -> Bool {
        let result = sqlite3_step(handle)
        if result == SQLITE_ROW { return true }
        guard result == SQLITE_DONE else {
            sqlite3_reset(handle)
            throw StoreFailure(resultCode: result)
        }
        return false
    }

    /// Makes it ready for the next run. What was bound stays bound.
    func reset() { sqlite3_reset(handle) }

    /// For a statement that gives no rows.
    func run() throws(StoreFailure) {
        let result = sqlite3_step(handle)
        sqlite3_reset(handle)
        guard result == SQLITE_DONE || result == SQLITE_ROW else { throw StoreFailure(resultCode: result) }
    }

    /// As `run`; how many rows it has changed.
    func runCountingChanges() throws(StoreFailure) -> Int {
        try run()
        return Int(sqlite3_changes(sqlite3_db_handle(handle)))
    }

    func int64(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func uint64(_ column: Int32) -> UInt64 { UInt64(bitPattern: sqlite3_column_int64(handle, column)) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }

    func text<Kind>(_ column: Int32) -> Identifier<Kind> { Identifier(decoding: bytes(column)) }

    /// Valid until the next step.
    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        // The address first: asking for it may convert the value, which changes the count.
        guard let start = sqlite3_column_blob(handle, column) else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
    }

    /// SQLite's mark for "take a copy".
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    nonisolated(unsafe) private static let nothing = UnsafePointer(UnsafeMutablePointer<CChar>.allocate(capacity: 1))
}
